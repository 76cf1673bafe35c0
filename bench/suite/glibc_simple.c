// SPDX-License-Identifier: MIT
/*
 * One thread and one size at a time: allocates a number of objects, then frees them in the same
 * order, for several sizes and numbers, like glibc's own simple benchmark of malloc.
 */
#include "workload.h"

static const size_t sizes[] = { 16, 32, 64, 128, 256, 512, 1024 };
static const size_t numbers[] = { 25, 100, 400, 1600 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OBJECTS_MAX 1600

static void fill_and_drain(size_t size, size_t number, size_t operations)
{
	void *objects[OBJECTS_MAX];

	for (size_t done = 0; done < operations; done += number) {
		for (size_t i = 0; i < number; i++)
			objects[i] = take(size);
		for (size_t i = 0; i < number; i++)
			free(objects[i]);
	}
}

int main(int argc, char **argv)
{
	size_t operations = amount(argc, argv, 700000);

	for (size_t s = 0; s < COUNT(sizes); s++)
		for (size_t n = 0; n < COUNT(numbers); n++)
			fill_and_drain(sizes[s], numbers[n], operations);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * glibc-simple of mimalloc-bench, which is glibc's bench-malloc-simple with the argument 16: for
 * 16, 32 and 64 bytes, and for 25, 100, 400 and 1600 objects, allocates the objects, writes all of
 * them, frees the first half in the order of allocation and the rest in reverse, until two million
 * are allocated. The main thread does this after a warm-up of the same length, then another thread,
 * then the main thread again, since some allocators are faster as long as there is one thread.
 */
#include "workload.h"

static const size_t sizes[] = { 16, 32, 64 };
static const size_t numbers[] = { 25, 100, 400, 1600 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OBJECTS_MAX 1600
#define OPERATIONS 2000000
#define PASSES 4

struct pass {
	size_t size;
	size_t operations;
};

static void fill_and_drain(size_t size, size_t number, size_t operations)
{
	static char *objects[OBJECTS_MAX];

	for (size_t done = 0; done < operations; done += number) {
		for (size_t i = 0; i < number; i++) {
			objects[i] = checked(malloc(size));
			for (size_t k = 0; k < size; k++)
				objects[i][k] = (char)k;
		}
		for (size_t i = 0; i < number / 2; i++)
			free(objects[i]);
		for (size_t i = number; i > number / 2; i--)
			free(objects[i - 1]);
	}
}

static void *run_pass(void *arg)
{
	const struct pass *pass = arg;

	for (size_t n = 0; n < COUNT(numbers); n++)
		fill_and_drain(pass->size, numbers[n], pass->operations);
	return NULL;
}

int main(int argc, char **argv)
{
	struct pass pass = { .operations = amount(argc, argv, OPERATIONS) };

	for (size_t s = 0; s < COUNT(sizes); s++) {
		pass.size = sizes[s];
		run_pass(&pass);
		run_pass(&pass);
		run_threads(1, run_pass, &pass, sizeof(pass));
		run_pass(&pass);
	}
	report_done(COUNT(sizes) * COUNT(numbers) * PASSES * pass.operations);
	return 0;
}

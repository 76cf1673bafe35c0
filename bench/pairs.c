// SPDX-License-Identifier: MIT
/*
 * What does a malloc and the free of what it gave cost? Two patterns, for one
 * size: the same object again and again, and batches of 100. Prints nanoseconds
 * a pair of each. It knows nothing of libpinned: run it with and without the shim.
 *
 * usage: pairs SIZE ITERATIONS
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH 100

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The compiler must not see that nobody uses the object. */
static void *keep(void *object)
{
	__asm__ volatile("" : "+r"(object) : : "memory");
	return object;
}

static double time_pairs(size_t size, size_t iterations)
{
	double begin = now_ns();

	for (size_t i = 0; i < iterations; i++)
		free(keep(malloc(size)));
	return (now_ns() - begin) / (double)iterations;
}

static double time_batches(size_t size, size_t iterations)
{
	void *objects[BATCH];
	double begin = now_ns();

	for (size_t i = 0; i < iterations / BATCH; i++) {
		for (size_t k = 0; k < BATCH; k++)
			objects[k] = keep(malloc(size));
		for (size_t k = 0; k < BATCH; k++)
			free(objects[k]);
	}
	return (now_ns() - begin) / (double)(iterations / BATCH * BATCH);
}

int main(int argc, char **argv)
{
	size_t size, iterations;

	if (argc != 3) {
		fprintf(stderr, "usage: pairs SIZE ITERATIONS\n");
		return 2;
	}
	size = strtoul(argv[1], NULL, 10);
	iterations = strtoul(argv[2], NULL, 10);
	time_pairs(size, iterations / 10);
	printf("pair %.2f batch %.2f\n", time_pairs(size, iterations),
	       time_batches(size, iterations));
	return 0;
}

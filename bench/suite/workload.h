/* SPDX-License-Identifier: MIT */
/*
 * Helpers that the workloads share: random numbers, touching memory, threads, and the amount of
 * work. Each program does a fixed amount of work, and its caller measures the time. Its arguments
 * are the amount of work in percent of what the published program does, 100 by default, and the
 * number of threads, 1 by default. C and C++ programs include this file.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 64

/* Returns the share of @full that the command line asks for, at least 1; by default @full. */
static inline size_t amount(int argc, char **argv, size_t full)
{
	double percent = argc > 1 ? strtod(argv[1], NULL) : 100;
	size_t share = (size_t)((double)full * percent / 100);

	return share ? share : 1;
}

/* Returns the number of threads that the command line asks for, from 1 to THREADS_MAX. */
static inline size_t thread_count(int argc, char **argv)
{
	size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;

	if (!count || count > THREADS_MAX) {
		fprintf(stderr, "from 1 to %d threads\n", THREADS_MAX);
		exit(2);
	}
	return count;
}

/* Prints how many operations were done, for the throughput of several threads. */
static inline void report_done(size_t operations)
{
	printf("%zu\n", operations);
}

static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline uint64_t random_seed(size_t of)
{
	return (of + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Returns a random number from 0 to @end - 1. */
static inline size_t random_below(uint64_t *state, size_t end)
{
	return (size_t)(((random_next(state) >> 32) * end) >> 32);
}

/*
 * Returns a random size from @min up to @min times 2^@doublings, with each doubling equally likely.
 */
static inline size_t random_size(uint64_t *state, size_t min, unsigned int doublings)
{
	size_t base = min << random_below(state, doublings);

	return base + random_below(state, base);
}

static inline void touch(void *object, size_t size)
{
	volatile char *bytes = (volatile char *)object;

	bytes[0] = 1;
	bytes[size - 1] = 2;
}

static inline void *checked(void *object)
{
	if (!object) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return object;
}

/* Allocates an object, and writes to its first and last byte. */
static inline void *take(size_t size)
{
	void *object = checked(malloc(size));

	touch(object, size);
	return object;
}

/*
 * Runs @count threads; the n-th gets the n-th element of @args, whose elements have @arg_size
 * bytes.
 */
static inline void run_threads(size_t count, void *(*body)(void *), void *args, size_t arg_size)
{
	pthread_t threads[THREADS_MAX];

	for (size_t i = 0; i < count; i++) {
		if (pthread_create(&threads[i], NULL, body, (char *)args + i * arg_size)) {
			fputs("cannot start a thread\n", stderr);
			exit(1);
		}
	}
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

#endif /* BENCH_WORKLOAD_H */

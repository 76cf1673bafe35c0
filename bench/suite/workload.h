/* SPDX-License-Identifier: MIT */
/*
 * Helpers that the workloads share: random numbers, touching memory, threads, and the amount of
 * work. Each program does a fixed amount of work, and its caller measures the time. The only
 * argument of a program is the amount of work in percent, 100 by default.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 16

/* Returns the share of @full that the command line asks for, at least 1; by default @full. */
static inline size_t amount(int argc, char **argv, size_t full)
{
	size_t share = argc > 1 ? full * strtoul(argv[1], NULL, 10) / 100 : full;

	return share ? share : 1;
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
	volatile char *bytes = object;

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

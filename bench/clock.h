/* SPDX-License-Identifier: MIT */
/* Two clocks: elapsed time, and the CPU time of all threads, which other load disturbs less. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <time.h>

/**
 * struct moment - both clocks, in nanoseconds
 * @wall: elapsed time
 * @cpu: CPU time of this process
 */
struct moment {
	double wall;
	double cpu;
};

static inline double clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline struct moment now(void)
{
	return (struct moment){ clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_PROCESS_CPUTIME_ID) };
}

/* Returns both times since @begin, divided by @count operations. */
static inline struct moment since(struct moment begin, size_t count)
{
	struct moment end = now();

	return (struct moment){ (end.wall - begin.wall) / (double)count,
				(end.cpu - begin.cpu) / (double)count };
}

#endif /* BENCH_CLOCK_H */

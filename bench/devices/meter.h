/* SPDX-License-Identifier: MIT */
/*
 * Helpers that the programs of this folder share: they count instructions, define the sizes, and
 * print one line per result.
 *
 * With -icount shift=0, QEMU's time-stamp counter tells how many instructions the guest's only CPU
 * has executed. QEMU does a device's work without executing instructions of the guest. Instructions
 * that the program executes while it waits for the device are counted separately.
 */
#ifndef METER_H
#define METER_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite/workload.h"

#define SIZE_FIRST 64
#define SIZE_LAST ((size_t)1 << 20)
#define ROUNDS 15
#define ROUNDS_TO_WARM 3

#define MUST(condition)                                                                     \
	do {                                                                                \
		if (!(condition)) {                                                         \
			fprintf(stderr, "%s:%d: %s: %m\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                            \
		}                                                                           \
	} while (0)

/**
 * struct meter - instructions of one operation
 * @mark: value of the counter at the last mark
 * @work: instructions of the program, the library and the kernel for the operation
 * @waiting: instructions executed while the device was busy
 */
struct meter {
	uint64_t mark, work, waiting;
};

static inline uint64_t instructions(void)
{
	return __builtin_ia32_rdtsc();
}

/* Count the instructions since the last mark as work, or as waiting, and set a new mark. */
static inline void meter_work(struct meter *meter)
{
	meter->work += instructions() - meter->mark;
	meter->mark = instructions();
}

static inline void meter_waiting(struct meter *meter)
{
	meter->waiting += instructions() - meter->mark;
	meter->mark = instructions();
}

/* Checks that the counter counts instructions, with a loop whose number of them is known. */
static inline void meter_check(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t n = 100000, begin = instructions(), taken;

		__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(n) : : "cc");
		taken = instructions() - begin;
		best = taken < best ? taken : best;
	}
	if (best < 200000 || best > 201000) {
		fprintf(stderr,
			"200000 instructions count as %" PRIu64
			": this wants QEMU with -icount shift=0\n",
			best);
		exit(1);
	}
}

/* Computes FNV-1a, to check that all ways of transferring the data give the same bytes. */
static inline uint64_t checksum(const uint8_t *bytes, size_t len)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static inline void fill(uint8_t *bytes, size_t len)
{
	uint64_t state = random_seed(len);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)random_next(&state);
}

/* An operation on @len bytes. @context is what was passed to measure(). */
typedef void operation(void *context, size_t len, struct meter *meter);

struct result {
	const char *driver, *way;
	size_t len;
	uint64_t work, waiting;
};

/* Returns the least of several rounds, since disturbances such as timer interrupts only add. */
static inline struct result measure(const char *driver, const char *way, operation *run,
				    void *context, size_t len)
{
	struct result result = { .driver = driver, .way = way, .len = len, .work = UINT64_MAX };

	for (int i = 0; i < ROUNDS_TO_WARM + ROUNDS; i++) {
		struct meter meter = { .mark = instructions() };

		run(context, len, &meter);
		if (i >= ROUNDS_TO_WARM && meter.work < result.work) {
			result.work = meter.work;
			result.waiting = meter.waiting;
		}
	}
	return result;
}

/* Prints a result. @copied: bytes that one operation copies. @sum: checksum of its output. */
static inline void report(const struct result *result, uint64_t copied, uint64_t sum)
{
	printf("result %s %s %zu %" PRIu64 " %" PRIu64 " %" PRIu64 " %016" PRIx64 "\n",
	       result->driver, result->way, result->len, result->work, result->waiting, copied,
	       sum);
	fflush(stdout);
}

#endif /* METER_H */

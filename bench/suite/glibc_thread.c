// SPDX-License-Identifier: MIT
/*
 * glibc-thread of mimalloc-bench, which is glibc's bench-malloc-thread with the argument N:
 * independent threads, each with 1024 slots, replace the object in a random slot and write all of
 * it. 8000 sizes of 4 bytes to 32 KiB, which follow an inverse-square distribution, and 4096
 * slots are drawn in advance; all threads go through the same. One thread is the main thread.
 *
 * Difference: the published program runs for two seconds, and this one does a fixed number of
 * replacements.
 */
#include "workload.h"

#define SLOTS 1024
#define SIZE_MIN 4
#define SIZE_MAX_ 32768
#define SIZES 8000
#define PICKS (4 * SLOTS)
#define REPLACEMENTS 100000000

static size_t sizes[SIZES], picks[PICKS];
static size_t replacements;

static void draw(void)
{
	uint64_t random = random_seed(88);

	for (size_t i = 0; i < SIZES; i++) {
		double r = (double)random_below(&random, 1 << 30) / (1 << 30);

		sizes[i] = (size_t)(1 / ((1.0 / SIZE_MAX_ - 1.0 / SIZE_MIN) * r + 1.0 / SIZE_MIN));
	}
	for (size_t i = 0; i < PICKS; i++)
		picks[i] = random_below(&random, SLOTS);
}

static void *work(void *arg)
{
	void **slots = arg;

	for (size_t i = 0, size = 0; i < replacements; i++, size++) {
		void **slot = &slots[picks[i % PICKS]];

		if (size == SIZES)
			size = 0;
		free(*slot);
		*slot = memset(checked(malloc(sizes[size])), 1, sizes[size]);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static void *slots[THREADS_MAX][SLOTS];
	size_t count = thread_count(argc, argv);

	replacements = amount(argc, argv, REPLACEMENTS);
	draw();
	if (count == 1)
		work(slots[0]);
	else
		run_threads(count, work, slots, sizeof(slots[0]));
	report_done(count * replacements);
	return 0;
}

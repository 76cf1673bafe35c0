// SPDX-License-Identifier: MIT
/*
 * Independent threads. Each has a working set of 1024 objects and replaces random ones of them. As
 * in glibc's threaded benchmark, sizes up to 32 KiB follow an inverse-square curve, so small sizes
 * are far more likely.
 */
#include "workload.h"

#define THREADS 4
#define SLOTS 1024
#define SIZE_MAX_ 32768
#define PICKS 8192

struct worker {
	uint64_t random;
	size_t replacements;
};

/* Draws sizes in advance, because the division would otherwise be half of the measured work. */
static void draw_sizes(uint64_t *random, size_t *sizes)
{
	for (size_t i = 0; i < PICKS; i++) {
		size_t part = 1 + random_below(random, 8192);

		sizes[i] = 4 + SIZE_MAX_ / (part * part / 256 + 1);
	}
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	void *slots[SLOTS] = { NULL };
	size_t *sizes = take(PICKS * sizeof(*sizes));

	draw_sizes(&worker->random, sizes);
	for (size_t i = 0; i < worker->replacements; i++) {
		void **slot = &slots[random_below(&worker->random, SLOTS)];

		free(*slot);
		*slot = take(sizes[i % PICKS]);
	}
	for (size_t i = 0; i < SLOTS; i++)
		free(slots[i]);
	free(sizes);
	return NULL;
}

int main(int argc, char **argv)
{
	struct worker workers[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		workers[i] = (struct worker){ random_seed(i), amount(argc, argv, 5000000) };
	run_threads(THREADS, work, workers, sizeof(workers[0]));
	return 0;
}

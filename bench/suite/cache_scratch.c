// SPDX-License-Identifier: MIT
/*
 * Passive false sharing, as Hoard's authors describe it. The main thread allocates adjacent small
 * objects; each thread frees one of them, allocates its own, and writes to it many times. An
 * allocator that hands out the adjacent objects again makes the threads contend for one cache line.
 */
#include "workload.h"

#define THREADS 2
#define SIZE 8
#define WRITES 2000

struct worker {
	char *given;
	size_t rounds;
};

static void *scratch(void *arg)
{
	struct worker *worker = arg;

	free(worker->given);
	for (size_t i = 0; i < worker->rounds; i++) {
		volatile char *object = take(SIZE);

		for (size_t k = 0; k < WRITES; k++)
			object[k % SIZE]++;
		free((void *)object);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct worker workers[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		workers[i] = (struct worker){ take(SIZE), amount(argc, argv, 120000) };
	run_threads(THREADS, scratch, workers, sizeof(workers[0]));
	return 0;
}

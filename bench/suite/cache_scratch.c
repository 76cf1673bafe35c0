// SPDX-License-Identifier: MIT
/*
 * Passive false sharing, as Hoard's authors describe it: each thread frees a
 * small object that the main thread allocated beside the others', allocates its
 * own, and writes it many times. An allocator that gives out the neighbours
 * again makes the threads fight for one cache line.
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

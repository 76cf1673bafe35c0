// SPDX-License-Identifier: MIT
/*
 * Active false sharing, as Hoard's authors describe it. Threads allocate small objects at the same
 * time and write to them many times. An allocator that hands out adjacent objects to different
 * threads makes the threads contend for a cache line.
 */
#include "workload.h"

#define THREADS 2
#define SIZE 8
#define OBJECTS 4
#define WRITES 500

static void *thrash(void *arg)
{
	size_t rounds = *(size_t *)arg;

	for (size_t i = 0; i < rounds; i++) {
		volatile char *objects[OBJECTS];

		for (size_t k = 0; k < OBJECTS; k++)
			objects[k] = take(SIZE);
		for (size_t w = 0; w < WRITES; w++)
			for (size_t k = 0; k < OBJECTS; k++)
				objects[k][w % SIZE]++;
		for (size_t k = 0; k < OBJECTS; k++)
			free((void *)objects[k]);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	size_t rounds[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		rounds[i] = amount(argc, argv, 200000);
	run_threads(THREADS, thrash, rounds, sizeof(rounds[0]));
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * mleak of mimalloc-bench, with the argument 50: 5000 times starts ten threads and waits for them.
 * Each thread allocates 128 zeroed bytes, puts them into a random one of a thousand places, frees
 * what was there, and ends. How much does a thread's first malloc cost, and is the memory of ended
 * threads reused?
 */
#include "workload.h"

#define AT_ONCE 10
#define PLACES 1000
#define ROUNDS 5000

static void *places[PLACES];

static void *live_briefly(void *arg)
{
	void *object = checked(calloc(16, sizeof(void *)));
	size_t at = (size_t)rand() % PLACES;

	free(__atomic_exchange_n(&places[at], object, __ATOMIC_ACQ_REL));
	return arg;
}

int main(int argc, char **argv)
{
	size_t rounds = amount(argc, argv, ROUNDS);

	for (size_t round = 0; round < rounds; round++)
		run_threads(AT_ONCE, live_briefly, places, 0);
	for (size_t i = 0; i < PLACES; i++)
		free(places[i]);
	report_done(rounds * AT_ONCE);
	return 0;
}

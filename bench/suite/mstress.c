// SPDX-License-Identifier: MIT
/*
 * Threads start and end. They allocate objects of all lifetimes and sizes, occasionally a very
 * large one, and pass some objects to other threads through a shared table.
 */
#include "workload.h"

#define THREADS 4
#define SHARED 1000
#define KEPT 1500

static void *shared[SHARED];

struct worker {
	uint64_t random;
	size_t steps;
};

static void *take_some(uint64_t *random)
{
	if (random_below(random, 4000) == 0)
		return take(random_size(random, 64 << 10, 4));
	return take(random_size(random, 8, 9));
}

/* Swaps the object with one that another thread left in a random place of the shared table. */
static void exchange(uint64_t *random, void **object)
{
	void **place = &shared[random_below(random, SHARED)];

	*object = __atomic_exchange_n(place, *object, __ATOMIC_ACQ_REL);
}

static void *stress(void *arg)
{
	struct worker *worker = arg;
	void *kept[KEPT] = { NULL };

	for (size_t i = 0; i < worker->steps; i++) {
		void **slot = &kept[random_below(&worker->random, KEPT)];

		if (random_below(&worker->random, 8) == 0)
			exchange(&worker->random, slot);
		free(*slot);
		*slot = take_some(&worker->random);
	}
	for (size_t i = 0; i < KEPT; i++) /* a quarter stays behind for others to free */
		if (i % 4 == 0)
			exchange(&worker->random, &kept[i]);
	for (size_t i = 0; i < KEPT; i++)
		free(kept[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	struct worker workers[THREADS];
	size_t lives = amount(argc, argv, 50);

	for (size_t life = 0; life < lives; life++) {
		for (size_t i = 0; i < THREADS; i++)
			workers[i] = (struct worker){ random_seed(life * THREADS + i), 25000 };
		run_threads(THREADS, stress, workers, sizeof(workers[0]));
	}
	for (size_t i = 0; i < SHARED; i++)
		free(shared[i]);
	return 0;
}

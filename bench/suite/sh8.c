// SPDX-License-Identifier: MIT
/*
 * Threads in a ring. Each allocates batches, frees most of a batch itself, and passes the rest to
 * its neighbour, which frees them: half of the load is local and in patterns, the rest crosses
 * threads.
 */
#include "workload.h"

#define THREADS 4
#define BATCH 1000
#define PASSED 250

struct parcel {
	void *objects[PASSED];
};

static struct parcel *doors[THREADS];

struct worker {
	size_t index;
	size_t rounds;
};

static void open_parcel(struct parcel *parcel)
{
	if (!parcel)
		return;
	for (size_t i = 0; i < PASSED; i++)
		free(parcel->objects[i]);
	free(parcel);
}

/*
 * Passes objects to thread @to; frees the previously passed objects if @to has not taken them yet.
 */
static void pass(size_t to, void **objects)
{
	struct parcel *parcel = take(sizeof(*parcel));

	memcpy(parcel->objects, objects, sizeof(parcel->objects));
	open_parcel(__atomic_exchange_n(&doors[to], parcel, __ATOMIC_ACQ_REL));
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	uint64_t random = random_seed(worker->index);
	void *objects[BATCH];

	for (size_t round = 0; round < worker->rounds; round++) {
		for (size_t i = 0; i < BATCH; i++)
			objects[i] = take(random_size(&random, 16, 6));
		pass((worker->index + 1) % THREADS, objects);
		for (size_t i = PASSED; i < BATCH; i += 2)
			free(objects[i]);
		for (size_t i = PASSED + 1; i < BATCH; i += 2)
			free(objects[i]);
		open_parcel(__atomic_exchange_n(&doors[worker->index], NULL, __ATOMIC_ACQ_REL));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct worker workers[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		workers[i] = (struct worker){ i, amount(argc, argv, 3500) };
	run_threads(THREADS, work, workers, sizeof(workers[0]));
	for (size_t i = 0; i < THREADS; i++)
		open_parcel(doors[i]);
	return 0;
}

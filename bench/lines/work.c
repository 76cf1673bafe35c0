// SPDX-License-Identifier: MIT
/*
 * The work for the report of lines. Each thread replaces random ones of 200 objects of 16 bytes to
 * 2 KiB. With the way `passed`, it hands each fourth object to the next thread, which frees it.
 *
 * usage: work own|passed THREADS
 */
#include <pinned.h>

#include "../suite/workload.h"
#include "lines.h"

#define SLOTS 200
#define STEPS 20000
#define BOX 64

struct worker {
	size_t index;
	size_t threads;
	int passes;
	pthread_barrier_t *warm;
};

static void *boxes[THREADS_MAX][BOX];

static void pass(struct worker *worker, void *object, size_t step)
{
	void **place = &boxes[(worker->index + 1) % worker->threads][step / 4 % BOX];

	pinned_free(__atomic_exchange_n(place, object, __ATOMIC_ACQ_REL));
}

static void take_from_box(struct worker *worker, size_t step)
{
	void **place = &boxes[worker->index][step / 4 % BOX];

	pinned_free(__atomic_exchange_n(place, NULL, __ATOMIC_ACQ_REL));
}

static void replace(struct worker *worker, void **slots, uint64_t *random, size_t steps)
{
	for (size_t step = 0; step < steps; step++) {
		void **slot = &slots[random_below(random, SLOTS)];

		if (worker->passes && step % 4 == 0) {
			pass(worker, *slot, step);
			take_from_box(worker, step + 4);
		} else {
			pinned_free(*slot);
		}
		*slot = pinned_malloc(random_size(random, 16, 7));
	}
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	void *slots[SLOTS] = { NULL };
	uint64_t random = random_seed(worker->index);

	replace(worker, slots, &random, STEPS);
	pthread_barrier_wait(worker->warm);
	lines_begin((int)worker->index);
	replace(worker, slots, &random, STEPS);
	lines_end();
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	size_t threads = argc > 2 ? thread_count(argc, argv) : 0;
	pthread_barrier_t warm;

	if (!threads)
		return 2;
	pthread_barrier_init(&warm, NULL, (unsigned int)threads);
	for (size_t i = 0; i < threads; i++)
		workers[i] = (struct worker){ i, threads, !strcmp(argv[1], "passed"), &warm };
	run_threads(threads, work, workers, sizeof(workers[0]));
	printf("operations %zu\n", threads * STEPS);
	lines_print();
	return 0;
}

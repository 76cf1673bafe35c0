// SPDX-License-Identifier: MIT
/*
 * rptest of mimalloc-bench, with the arguments "N 0 1 2 500 1000 100 8 16000": each thread has 1000
 * slots. In each of 500 loops it frees 24 to 79 slots, frees the lists that others handed to it,
 * and replaces the objects in 30 to 99 slots. In every second loop it also makes a list of as many
 * objects, which another thread will free. Sizes are 8 to 16000 bytes, and smaller ones are more
 * likely. All objects are written; two thirds of those below 4096 bytes come from memalign with 8
 * and 16, the rest from calloc. Each thread does 500 loops twice, and empties its slots after each
 * time. Then new threads do the same.
 *
 * The peak differs from run to run, under each allocator: the lists for a thread that does not run
 * wait, so the largest sum of the live objects' sizes was from 22 to 47 MiB in 18 runs with two
 * threads on a loaded machine. Memory is to be compared by medians of many runs.
 *
 * Differences: other random numbers; no pauses of a second between parts; one thread hands nothing
 * over, as in the published program.
 */
#include <malloc.h>
#include <sched.h>

#include "workload.h"

#define SLOTS 1000
#define LOOPS 500
#define TIMES 2
#define SIZE_MIN 8
#define SIZE_MAX_ 16000
#define FREE_STEP 11
#define FILL_STEP 7

struct list {
	struct list *next;
	size_t count;
	void **objects;
};

struct worker {
	uint64_t random;
	struct list *incoming;
	size_t index;
	size_t threads;
	size_t loops;
	size_t done;
	size_t next_alignment;
};

static struct worker workers[THREADS_MAX];
static size_t finished;

static void *take_one(struct worker *worker)
{
	static const size_t alignments[] = { 0, 8, 16 };
	double a = (double)random_below(&worker->random, 100000) / 100000;
	double b = (double)random_below(&worker->random, 100000) / 100000;
	double even = (double)random_below(&worker->random, SIZE_MAX_ - SIZE_MIN);
	size_t size = SIZE_MIN + (size_t)(even * (a > b ? a - b : b - a));
	size_t alignment = size < 4096 ? alignments[worker->next_alignment++ % 3] : 0;

	worker->done++;
	if (alignment)
		return memset(checked(memalign(alignment, size)), 0xcd, size);
	return checked(calloc(1, size));
}

static void receive(struct worker *worker)
{
	struct list *list = __atomic_exchange_n(&worker->incoming, NULL, __ATOMIC_ACQUIRE);

	while (list) {
		struct list *next = list->next;

		for (size_t i = 0; i < list->count; i++)
			free(list->objects[i]);
		free(list->objects);
		free(list);
		list = next;
	}
}

static void send(struct worker *worker, size_t count, size_t to)
{
	struct list *list = checked(memalign(16, sizeof(*list)));

	list->count = count;
	list->objects = checked(memalign(16, count * sizeof(list->objects[0])));
	for (size_t i = 0; i < count; i++)
		list->objects[i] = take_one(worker);
	list->next = __atomic_load_n(&workers[to].incoming, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&workers[to].incoming, &list->next, list, 0,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

static void empty_slots(void **slots)
{
	for (size_t i = 0; i < SLOTS; i++) {
		free(slots[i]);
		slots[i] = NULL;
	}
}

static void run_loops(struct worker *worker, void **slots)
{
	size_t to_free = 0, to_fill = 0, to = worker->index;

	for (size_t loop = 0; loop < worker->loops; loop++) {
		size_t fills = 30 + random_below(&worker->random, 70);
		size_t frees = (30 + random_below(&worker->random, 70)) * 8 / 10;

		for (; frees; frees--, to_free = (to_free + FREE_STEP) % SLOTS) {
			free(slots[to_free]);
			slots[to_free] = NULL;
		}
		receive(worker);
		for (size_t i = 0; i < fills; i++, to_fill = (to_fill + FILL_STEP) % SLOTS) {
			free(slots[to_fill]);
			slots[to_fill] = take_one(worker);
		}
		if (worker->threads == 1 || loop % 2)
			continue;
		to = (to + 1) % worker->threads;
		if (to == worker->index)
			to = (to + 1) % worker->threads;
		send(worker, fills, to);
	}
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	void *slots[SLOTS] = { NULL };

	for (size_t time = 1; time <= TIMES; time++) {
		run_loops(worker, slots);
		/* Others may still send. */
		__atomic_add_fetch(&finished, 1, __ATOMIC_ACQ_REL);
		while (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) < time * worker->threads) {
			receive(worker);
			sched_yield();
		}
		receive(worker);
		empty_slots(slots);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	size_t count = thread_count(argc, argv), done = 0;

	for (size_t time = 0; time < TIMES; time++) {
		finished = 0;
		for (size_t i = 0; i < count; i++)
			workers[i] = (struct worker){ .random = random_seed(i),
						      .index = i,
						      .threads = count,
						      .loops = amount(argc, argv, LOOPS) };
		run_threads(count, work, workers, sizeof(workers[0]));
		for (size_t i = 0; i < count; i++)
			done += workers[i].done;
	}
	report_done(done);
	return 0;
}

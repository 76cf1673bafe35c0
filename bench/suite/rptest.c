// SPDX-License-Identifier: MIT
/*
 * Threads replace random ones of their objects of 16 bytes to 16 KiB, with all sizes equally
 * likely. Every few hundred steps a thread hands over a whole list of objects, and whichever thread
 * comes next frees the list.
 */
#include "workload.h"

#define THREADS 4
#define SLOTS 600
#define LIST 100
#define SIZE_MAX_ 16000

struct list {
	struct list *next;
	void *objects[LIST];
};

static struct list *crossing;

struct worker {
	uint64_t random;
	size_t rounds;
};

static size_t draw(uint64_t *random)
{
	return 16 + random_below(random, SIZE_MAX_);
}

static void send(uint64_t *random)
{
	struct list *list = take(sizeof(*list));

	for (size_t i = 0; i < LIST; i++)
		list->objects[i] = take(draw(random));
	list->next = __atomic_load_n(&crossing, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&crossing, &list->next, list, 0, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

static void receive(void)
{
	struct list *list = __atomic_exchange_n(&crossing, NULL, __ATOMIC_ACQUIRE);

	while (list) {
		struct list *next = list->next;

		for (size_t i = 0; i < LIST; i++)
			free(list->objects[i]);
		free(list);
		list = next;
	}
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	void *slots[SLOTS] = { NULL };

	for (size_t round = 0; round < worker->rounds; round++) {
		for (size_t i = 0; i < 400; i++) {
			void **slot = &slots[random_below(&worker->random, SLOTS)];

			free(*slot);
			*slot = take(draw(&worker->random));
		}
		receive();
		send(&worker->random);
	}
	for (size_t i = 0; i < SLOTS; i++)
		free(slots[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	struct worker workers[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		workers[i] = (struct worker){ random_seed(i), amount(argc, argv, 1300) };
	run_threads(THREADS, work, workers, sizeof(workers[0]));
	receive();
	return 0;
}

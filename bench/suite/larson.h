/* SPDX-License-Identifier: MIT */
/*
 * A server, as in Larson and Krishnan's program with the arguments "5 8 1000 5000 100 4141 N".
 * The main thread fills the slots of all threads, shuffles them, and replaces four times as many
 * objects. A thread then replaces random ones of its 5000 objects half a million times, hands all
 * of them to a new thread, and ends. The file that includes this one defines give_back().
 *
 * Difference: the published program runs for five seconds, and this one does a fixed number of
 * replacements.
 */
#ifndef BENCH_LARSON_H
#define BENCH_LARSON_H

#include <semaphore.h>

#include "workload.h"

#define SLOTS 5000
#define REPLACEMENTS ((size_t)100 * SLOTS)
#define LIVES 330
#define SIZE_MIN 8
#define SIZE_MAX_ 1000

struct slot {
	char *object;
	size_t size;
};

/* Frees an object of new[] whose size is @size. */
static void give_back(char *object, size_t size);

struct chain {
	struct slot slots[SLOTS];
	uint64_t random;
	size_t lives;
};

static sem_t ended;

static void fill(struct slot *slot, uint64_t *random)
{
	slot->size = SIZE_MIN + random_below(random, SIZE_MAX_ - SIZE_MIN);
	slot->object = new char[slot->size];
	((volatile char *)slot->object)[0] = 'a';
	((volatile char *)slot->object)[1] = 'b';
}

static void replace(struct slot *slots, size_t count, size_t times, uint64_t *random)
{
	for (size_t i = 0; i < times; i++) {
		struct slot *slot = &slots[random_below(random, count)];

		give_back(slot->object, slot->size);
		fill(slot, random);
	}
}

static void start_life(struct chain *chain);

/* A thread of the chain; it starts its successor when its own work is done. */
static void *serve(void *arg)
{
	struct chain *chain = (struct chain *)arg;

	replace(chain->slots, SLOTS, REPLACEMENTS, &chain->random);
	if (--chain->lives)
		start_life(chain);
	else
		sem_post(&ended);
	return NULL;
}

static void start_life(struct chain *chain)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, serve, chain)) {
		fputs("cannot start a thread\n", stderr);
		exit(1);
	}
	pthread_detach(thread);
}

static void warm_up(struct chain *chains, size_t count)
{
	uint64_t random = random_seed(4141);

	for (size_t i = 0; i < count * SLOTS; i++)
		fill(&chains[i / SLOTS].slots[i % SLOTS], &random);
	for (size_t left = count * SLOTS; left > 1; left--) {
		size_t at = random_below(&random, left);
		struct slot *a = &chains[at / SLOTS].slots[at % SLOTS];
		struct slot *b = &chains[(left - 1) / SLOTS].slots[(left - 1) % SLOTS];
		struct slot kept = *a;

		*a = *b;
		*b = kept;
	}
	for (size_t i = 0; i < count; i++)
		replace(chains[i].slots, SLOTS, (size_t)4 * SLOTS, &random);
}

int main(int argc, char **argv)
{
	static struct chain chains[THREADS_MAX];
	size_t count = thread_count(argc, argv), lives = amount(argc, argv, LIVES);

	sem_init(&ended, 0, 0);
	warm_up(chains, count);
	for (size_t i = 0; i < count; i++) {
		chains[i].random = random_seed(i);
		chains[i].lives = lives;
		start_life(&chains[i]);
	}
	for (size_t i = 0; i < count; i++)
		sem_wait(&ended);
	report_done(count * lives * REPLACEMENTS);
	return 0;
}

#endif /* BENCH_LARSON_H */

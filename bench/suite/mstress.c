// SPDX-License-Identifier: MIT
/*
 * mstress of mimalloc-bench, with the arguments "N 50 25": 25 times starts N threads, the main
 * thread among them. Thread t allocates 5000 (t mod 8 + 1) objects of 1 to 16 words that it frees
 * at random, and half as many of 1 to 64 words that it keeps until it ends; one in 50 is a hundred
 * times as large, and some of them a thousand or ten thousand times. All words are written and
 * verified. A quarter of the steps exchanges an object with a table of 1000 that threads share, and
 * half of the table survives into the next round.
 *
 * Difference: other random numbers.
 */
#include "workload.h"

#define ROUNDS 25
#define ALLOCATIONS 5000
#define SHARED 1000
#define ROOM 100000
#define COOKIE UINT64_C(0xbf58476d1ce4e5b9)

static uint64_t *shared[SHARED];

/* As in the published program, the chance is one percent larger than @percent. */
static int chance(uint64_t *random, size_t percent)
{
	return random_below(random, 100) <= percent;
}

static uint64_t *take_words(uint64_t *random, size_t words)
{
	uint64_t *object;

	if (chance(random, 1)) {
		if (chance(random, 1))
			words *= 10000;
		else
			words *= chance(random, 10) ? 1000 : 100;
	}
	object = checked(malloc(words * sizeof(*object)));
	for (size_t i = 0; i < words; i++)
		object[i] = (words - i) ^ COOKIE;
	return object;
}

static void give_back(uint64_t *object)
{
	size_t words = object ? object[0] ^ COOKIE : 0;

	for (size_t i = 0; i < words; i++) {
		if ((object[i] ^ COOKIE) != words - i) {
			fputs("an object has changed\n", stderr);
			abort();
		}
	}
	free(object);
}

struct objects {
	uint64_t **all;
	size_t count;
	size_t room;
};

static void add(struct objects *objects, uint64_t *object)
{
	if (objects->count == objects->room) {
		objects->room += ROOM;
		objects->all =
			checked(realloc(objects->all, objects->room * sizeof(objects->all[0])));
	}
	objects->all[objects->count++] = object;
}

static void drop(struct objects *objects)
{
	for (size_t i = 0; i < objects->count; i++)
		give_back(objects->all[i]);
	free(objects->all);
}

static void step(struct objects *own, uint64_t *random)
{
	uint64_t **object;

	if (chance(random, 66) && own->count) {
		object = &own->all[random_below(random, own->count)];
		give_back(*object);
		*object = NULL;
	}
	if (chance(random, 25) && own->count) {
		object = &own->all[random_below(random, own->count)];
		*object = __atomic_exchange_n(&shared[random_below(random, SHARED)], *object,
					      __ATOMIC_ACQ_REL);
	}
}

static void *stress(void *arg)
{
	size_t index = *(size_t *)arg, left = ALLOCATIONS * (index % 8 + 1), keep = left / 2;
	struct objects own = { NULL, 0, 0 }, kept = { NULL, 0, keep };
	uint64_t random = random_seed(index);

	kept.all = checked(malloc(keep * sizeof(kept.all[0])));
	while (left || keep) {
		if (!keep || (left && chance(&random, 50))) {
			left--;
			add(&own, take_words(&random, (size_t)1 << random_below(&random, 5)));
		} else {
			keep--;
			add(&kept, take_words(&random, (size_t)1 << random_below(&random, 7)));
		}
		step(&own, &random);
	}
	drop(&kept);
	drop(&own);
	return NULL;
}

static size_t run_round(size_t threads)
{
	size_t indexes[THREADS_MAX], done = 0;
	pthread_t others[THREADS_MAX];

	for (size_t i = 0; i < threads; i++) {
		indexes[i] = i;
		done += ALLOCATIONS * (i % 8 + 1) * 3 / 2;
	}
	for (size_t i = 1; i < threads; i++)
		if (pthread_create(&others[i], NULL, stress, &indexes[i]))
			exit(1);
	stress(&indexes[0]);
	for (size_t i = 1; i < threads; i++)
		pthread_join(others[i], NULL);
	return done;
}

int main(int argc, char **argv)
{
	size_t rounds = amount(argc, argv, ROUNDS), done = 0;
	uint64_t random = random_seed(43);

	for (size_t round = 0; round < rounds; round++) {
		done += run_round(thread_count(argc, argv));
		for (size_t i = 0; i < SHARED; i++) {
			if (round + 1 == rounds || chance(&random, 50)) {
				give_back(shared[i]);
				shared[i] = NULL;
			}
		}
	}
	report_done(done);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * A server, as Larson and Krishnan describe it. Each thread replaces random ones of its objects,
 * then hands all of them to a new thread and ends. Most objects are therefore freed by a thread
 * other than the one that allocated them.
 */
#include "workload.h"

#define CHAINS 4
#define SLOTS 2000
#define GENERATIONS 50
#define SIZE_MIN 8
#define SIZE_MAX_ 1000

struct chain {
	void *slots[SLOTS];
	uint64_t random;
	size_t replacements;
	size_t generation;
};

static void replace_some(struct chain *chain)
{
	for (size_t i = 0; i < chain->replacements; i++) {
		void **slot = &chain->slots[random_below(&chain->random, SLOTS)];

		free(*slot);
		*slot = take(SIZE_MIN + random_below(&chain->random, SIZE_MAX_ - SIZE_MIN));
	}
}

/* A thread of the chain; it starts its successor when its own work is done. */
static void *serve(void *arg)
{
	struct chain *chain = arg;

	replace_some(chain);
	if (++chain->generation < GENERATIONS)
		run_threads(1, serve, chain, sizeof(*chain));
	return NULL;
}

int main(int argc, char **argv)
{
	static struct chain chains[CHAINS];

	for (size_t i = 0; i < CHAINS; i++) {
		chains[i].random = random_seed(i);
		chains[i].replacements = amount(argc, argv, 50000);
	}
	run_threads(CHAINS, serve, chains, sizeof(chains[0]));
	return 0;
}

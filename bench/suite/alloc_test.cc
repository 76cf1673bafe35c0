// SPDX-License-Identifier: MIT
/*
 * alloc-test of mimalloc-bench, with the arguments "N": 2^18 slots in all, shared out to threads.
 * Half of them are filled first. Each of 100 million steps a thread picks a slot, frees its object
 * after reading all of it, or allocates one and writes all of it. Sizes are 5 to 1024 bytes, each
 * doubling half as likely as the one before. The choice of slots follows the 80/20 rule six times
 * over: a fifth of the slots gets four fifths of the steps, and so on within each part.
 *
 * Difference: other random numbers.
 */
#include "workload.h"

#define ITEMS ((size_t)1 << 18)
#define STEPS 100000000
#define LEVELS 6
#define MILLION 1000000

struct slot {
	unsigned char *object;
	size_t size;
};

/* Part k: the chance that a step is in one of the first k + 1 parts, and where part k begins. */
struct parts {
	double until[LEVELS + 1];
	size_t begin[LEVELS + 2];
};

struct worker {
	struct parts parts;
	uint64_t random;
	size_t items;
	size_t steps;
	size_t sum;
};

static struct parts divide(size_t items)
{
	static const double ways[LEVELS + 1] = { 1, 6, 15, 20, 15, 6, 1 };
	struct parts parts = {};
	double until = 0;

	for (size_t k = 0; k <= LEVELS; k++) {
		double hit = ways[k], share = ways[k];

		for (size_t i = 0; i < LEVELS; i++) {
			hit *= i < k ? 0.2 : 0.8;
			share *= i < k ? 0.8 : 0.2;
		}
		until += hit;
		parts.until[k] = until * MILLION;
		parts.begin[k + 1] = parts.begin[k] + (size_t)((double)items * share);
	}
	parts.begin[LEVELS + 1] = items;
	return parts;
}

static size_t pick(struct worker *worker)
{
	const struct parts *parts = &worker->parts;
	double where = (double)random_below(&worker->random, MILLION);
	size_t k = 0;

	while (k < LEVELS && where >= parts->until[k])
		k++;
	return parts->begin[k] +
	       random_below(&worker->random, parts->begin[k + 1] - parts->begin[k]);
}

static void fill(struct worker *worker, struct slot *slot)
{
	size_t doublings = (size_t)__builtin_ctzl(1 + random_below(&worker->random, 128));
	size_t base = (size_t)4 << doublings;

	slot->size = base + 1 + random_below(&worker->random, base);
	slot->object = new unsigned char[slot->size];
	memset(slot->object, (int)slot->size, slot->size);
}

static void drain(struct worker *worker, struct slot *slot)
{
	for (size_t i = 0; i < slot->size; i++)
		worker->sum += slot->object[i];
	delete[] slot->object;
	slot->object = NULL;
}

static void *work(void *arg)
{
	struct worker *worker = (struct worker *)arg;
	struct slot *slots = new struct slot[worker->items]();

	worker->parts = divide(worker->items);
	for (size_t i = 0; i < worker->items; i++)
		if (random_below(&worker->random, 2))
			fill(worker, &slots[i]);
	for (size_t i = 0; i < worker->steps; i++) {
		struct slot *slot = &slots[pick(worker)];

		if (slot->object)
			drain(worker, slot);
		else
			fill(worker, slot);
	}
	for (size_t i = 0; i < worker->items; i++)
		if (slots[i].object)
			drain(worker, &slots[i]);
	delete[] slots;
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	size_t count = thread_count(argc, argv), steps = amount(argc, argv, STEPS);

	for (size_t i = 0; i < count; i++) {
		workers[i].random = random_seed(i);
		workers[i].items = ITEMS / count;
		workers[i].steps = steps;
	}
	run_threads(count, work, workers, sizeof(workers[0]));
	report_done(count * steps);
	return 0;
}

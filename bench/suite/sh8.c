// SPDX-License-Identifier: MIT
/*
 * sh8bench of MicroQuill with 700000 iterations, as mimalloc-bench runs it: an iteration allocates
 * objects of one size, from 5000 of 16 bytes to one of 168524, and stores them in a million places
 * divided by the number of threads. These objects are freed as in sh6bench. Meanwhile the main
 * thread allocates ten million objects of 8 bytes, in one part for each thread; every thread frees
 * its share of each part as the objects appear. Objects and places that remain are not freed at the
 * end.
 *
 * mimalloc-bench starts twice as many threads as there are processors. Difference: with less work,
 * the objects of 8 bytes are fewer too.
 */
#include "sh.h"

#define ITERATIONS 700000
#define FOREIGN 10000000
#define PLACES 1000000

static const struct batch {
	size_t size;
	size_t count;
} batches[] = {
	{ 16, 5000 }, { 48, 1000 }, { 72, 100 }, { 148, 100 }, { 200, 100 },  { 520, 10 },
	{ 1056, 5 },  { 4096, 3 },  { 9162, 1 }, { 34562, 1 }, { 168524, 1 }, { 8, 1000 },
};

#define BATCHES (sizeof(batches) / sizeof(batches[0]))

/* The thread frees @per_part foreign objects of each part of @part. */
struct worker {
	struct places places;
	size_t iterations;
	size_t done;
	void **foreign;
	size_t part;
	size_t per_part;
	size_t foreign_left;
};

static void store(struct worker *worker, size_t size)
{
	advance(&worker->places);
	worker->places.objects[worker->places.at++] = take(size);
	worker->done++;
}

static void free_foreign(struct worker *worker)
{
	while (worker->foreign_left) {
		void *object = __atomic_load_n(worker->foreign, __ATOMIC_ACQUIRE);

		if (!object)
			return;
		free(object);
		worker->foreign++;
		if (--worker->foreign_left % worker->per_part == 0)
			worker->foreign += worker->part - worker->per_part;
	}
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	worker->places.objects = checked(malloc(worker->places.count * sizeof(char *)));
	for (size_t i = 0; i < worker->iterations; i++) {
		const struct batch *batch = &batches[i % BATCHES];

		free_foreign(worker);
		for (size_t n = 0; n < batch->count; n++)
			store(worker, batch->size);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	static pthread_t ids[THREADS_MAX];
	size_t threads = thread_count(argc, argv), done = 0;
	size_t per_part = amount(argc, argv, FOREIGN) / (threads * threads) + 1;
	size_t foreign = per_part * threads * threads;
	void **objects = checked(calloc(foreign, sizeof(*objects)));

	for (size_t i = 0; i < threads; i++) {
		workers[i] =
			(struct worker){ .places = places_of(PLACES / threads),
					 .iterations = amount(argc, argv, ITERATIONS / threads),
					 .foreign = objects + i * per_part,
					 .part = per_part * threads,
					 .per_part = per_part,
					 .foreign_left = per_part * threads };
		if (pthread_create(&ids[i], NULL, work, &workers[i]))
			exit(1);
	}
	for (size_t i = 0; i < foreign; i++)
		__atomic_store_n(&objects[i], take(8), __ATOMIC_RELEASE);
	for (size_t i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		done += workers[i].done;
	}
	report_done(done + foreign);
	return 0;
}

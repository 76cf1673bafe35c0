// SPDX-License-Identifier: MIT
/*
 * sh6bench of MicroQuill with 10000 calls, as mimalloc-bench runs it. Each thread goes through a
 * sequence of sizes up to 1000 bytes; each size is followed by its half, its quarter and so on. Of
 * each size below 100 bytes it allocates 250 objects, and 50 of each other size. It stores the
 * objects one after another in 10000 places, divided by the number of threads. When it reaches the
 * end of the places, a fifth of the objects stays, another fifth each time: the thread frees the
 * objects before that fifth in the order of allocation, and those after it in reverse. It goes
 * through the sizes 10000 times, divided by the number of threads.
 *
 * mimalloc-bench starts twice as many threads as there are processors.
 */
#include "sh.h"

#define CALLS 10000
#define SIZE_END 1000

struct worker {
	struct places places;
	size_t repeats;
	size_t done;
};

static void store(struct worker *worker, size_t size)
{
	worker->places.objects[worker->places.at++] = take(size);
	worker->done++;
	advance(&worker->places);
}

static void go_through_sizes(struct worker *worker)
{
	for (size_t base = 1; base < SIZE_END; base = base * 3 / 2 + 1)
		for (size_t size = base; size; size /= 2)
			for (size_t times = size < 100 ? 250 : 50; times; times--)
				store(worker, size);
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	worker->places.objects = checked(malloc(worker->places.count * sizeof(char *)));
	for (size_t i = 0; i < worker->repeats; i++)
		go_through_sizes(worker);
	for (size_t i = 0; i < worker->places.at; i++)
		free(worker->places.objects[i]);
	free(worker->places.objects);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	size_t threads = thread_count(argc, argv), calls = CALLS / threads, done = 0;

	for (size_t i = 0; i < threads; i++)
		workers[i] = (struct worker){ .places = places_of(calls),
					      .repeats = amount(argc, argv, calls) };
	run_threads(threads, work, workers, sizeof(workers[0]));
	for (size_t i = 0; i < threads; i++)
		done += workers[i].done;
	report_done(done);
	return 0;
}

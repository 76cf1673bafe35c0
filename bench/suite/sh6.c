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
#include "workload.h"

#define CALLS 10000
#define SIZE_END 1000

/* Objects @kept_begin to @kept_end - 1 stay until the next time around. */
struct worker {
	char **places;
	size_t count;
	size_t at;
	size_t kept_begin;
	size_t kept_end;
	size_t repeats;
	size_t done;
};

static void turn_around(struct worker *worker)
{
	worker->kept_begin = worker->kept_end < worker->count ? worker->kept_end : 0;
	worker->kept_end = worker->kept_begin + worker->count / 5;
	if (worker->kept_end > worker->count)
		worker->kept_end = worker->count;
	for (size_t i = 0; i < worker->kept_begin; i++)
		free(worker->places[i]);
	for (size_t i = worker->count; i > worker->kept_end; i--)
		free(worker->places[i - 1]);
	worker->at = 0;
}

static void store(struct worker *worker, size_t size)
{
	worker->places[worker->at++] = take(size);
	worker->done++;
	if (worker->at == worker->kept_begin)
		worker->at = worker->kept_end;
	if (worker->at >= worker->count)
		turn_around(worker);
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

	worker->places = checked(malloc(worker->count * sizeof(worker->places[0])));
	for (size_t i = 0; i < worker->repeats; i++)
		go_through_sizes(worker);
	for (size_t i = 0; i < worker->at; i++)
		free(worker->places[i]);
	free(worker->places);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	size_t threads = thread_count(argc, argv), calls = CALLS / threads, done = 0;

	for (size_t i = 0; i < threads; i++)
		workers[i] = (struct worker){ .count = calls,
					      .kept_begin = calls,
					      .kept_end = calls,
					      .repeats = amount(argc, argv, calls) };
	run_threads(threads, work, workers, sizeof(workers[0]));
	for (size_t i = 0; i < threads; i++)
		done += workers[i].done;
	report_done(done);
	return 0;
}

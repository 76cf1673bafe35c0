// SPDX-License-Identifier: MIT
/*
 * cache-scratch of Hoard's authors, with the arguments "N 1000 1 2000000 N": passive false sharing.
 * The main thread allocates one object of a byte for each thread; each thread frees its own, and
 * then 1000 times allocates an object of a byte, writes to it two million times divided by the
 * number of threads, and frees it. An allocator that hands out the adjacent objects again makes
 * the threads contend for one cache line.
 */
#include "cache.h"

struct worker {
	char *given;
	size_t rounds;
	size_t writes;
};

static void *scratch(void *arg)
{
	struct worker *worker = (struct worker *)arg;

	delete[] worker->given;
	write_to_own_objects(worker->rounds, worker->writes);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	size_t count = thread_count(argc, argv), rounds = amount(argc, argv, ROUNDS);

	for (size_t i = 0; i < count; i++) {
		workers[i].given = new char[SIZE];
		workers[i].rounds = rounds;
		workers[i].writes = WRITES / count;
	}
	run_threads(count, scratch, workers, sizeof(workers[0]));
	report_done(rounds * WRITES);
	return 0;
}

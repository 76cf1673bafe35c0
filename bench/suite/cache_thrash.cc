// SPDX-License-Identifier: MIT
/*
 * cache-thrash of Hoard's authors, with the arguments "N 1000 1 2000000 N": active false sharing.
 * Each thread 1000 times allocates an object of a byte, writes to it two million times divided by
 * the number of threads, and frees it. An allocator that hands out adjacent objects to different
 * threads makes the threads contend for one cache line.
 */
#include "cache.h"

struct worker {
	size_t rounds;
	size_t writes;
};

static void *thrash(void *arg)
{
	struct worker *worker = (struct worker *)arg;

	write_to_own_objects(worker->rounds, worker->writes);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	size_t count = thread_count(argc, argv), rounds = amount(argc, argv, ROUNDS);

	for (size_t i = 0; i < count; i++) {
		workers[i].rounds = rounds;
		workers[i].writes = WRITES / count;
	}
	run_threads(count, thrash, workers, sizeof(workers[0]));
	report_done(rounds * WRITES);
	return 0;
}

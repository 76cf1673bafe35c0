// SPDX-License-Identifier: MIT
/*
 * cache-scratch of Hoard's authors, with the arguments "N 1000 1 2000000 N": passive false sharing.
 * The main thread allocates one object of a byte for each thread; each thread frees its own, and
 * then 1000 times allocates an object of a byte, writes to it two million times divided by the
 * number of threads, and frees it. An allocator that hands out the adjacent objects again makes
 * the threads contend for one cache line.
 */
#include "workload.h"

#define ROUNDS 1000
#define SIZE 1
#define WRITES 2000000

struct worker {
	char *given;
	size_t rounds;
	size_t writes;
};

static void *scratch(void *arg)
{
	struct worker *worker = (struct worker *)arg;

	delete[] worker->given;
	for (size_t i = 0; i < worker->rounds; i++) {
		volatile char *object = new char[SIZE];

		for (size_t k = 0; k < worker->writes; k++)
			object[0] = (char)k;
		delete[] object;
	}
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

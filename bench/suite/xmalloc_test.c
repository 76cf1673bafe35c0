// SPDX-License-Identifier: MIT
/*
 * xmalloc-test of mimalloc-bench, with the arguments "-w N -t 5 -s 64": N threads allocate objects
 * of 64 bytes, write them, and put them in batches of 4096 on a stack of at most 100 batches; N
 * other threads take batches off and free them, so that every object is freed by a thread that did
 * not allocate it.
 *
 * Difference: the published program runs for five seconds, and this one passes a fixed number of
 * batches.
 */
#include "workload.h"

#define SIZE 64
#define OBJECTS 4096
#define BATCHES_MAX 100
#define BATCHES 24000

struct batch {
	struct batch *next;
	void *objects[OBJECTS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t is_not_empty = PTHREAD_COND_INITIALIZER;
static pthread_cond_t is_not_full = PTHREAD_COND_INITIALIZER;
static struct batch *top;
static size_t stacked, to_come;

static void put(struct batch *batch)
{
	pthread_mutex_lock(&lock);
	while (stacked >= BATCHES_MAX)
		pthread_cond_wait(&is_not_full, &lock);
	batch->next = top;
	top = batch;
	stacked++;
	pthread_cond_signal(&is_not_empty);
	pthread_mutex_unlock(&lock);
}

/* Takes a batch off the stack. Returns NULL after all batches have been taken. */
static struct batch *get(void)
{
	struct batch *batch;

	pthread_mutex_lock(&lock);
	while (!top && to_come)
		pthread_cond_wait(&is_not_empty, &lock);
	batch = top;
	if (batch) {
		top = batch->next;
		stacked--;
		if (!--to_come)
			pthread_cond_broadcast(&is_not_empty);
		pthread_cond_signal(&is_not_full);
	}
	pthread_mutex_unlock(&lock);
	return batch;
}

static void allocate(size_t batches)
{
	for (size_t i = 0; i < batches; i++) {
		struct batch *batch = checked(malloc(sizeof(*batch)));

		for (size_t k = 0; k < OBJECTS; k++)
			batch->objects[k] = memset(checked(malloc(SIZE)), (int)(k % 256), SIZE);
		put(batch);
	}
}

static void release(void)
{
	struct batch *batch;

	while ((batch = get())) {
		for (size_t k = 0; k < OBJECTS; k++)
			free(batch->objects[k]);
		free(batch);
	}
}

/* Allocates the number of batches that its argument says, or frees batches if it is 0. */
static void *work(void *arg)
{
	size_t batches = *(size_t *)arg;

	if (batches)
		allocate(batches);
	else
		release();
	return NULL;
}

int main(int argc, char **argv)
{
	size_t pairs = thread_count(argc, argv), batches = amount(argc, argv, BATCHES);
	size_t work_of[THREADS_MAX] = { 0 };

	if (2 * pairs > THREADS_MAX)
		return 2;
	to_come = pairs * batches;
	for (size_t i = 0; i < pairs; i++)
		work_of[2 * i + 1] = batches;
	run_threads(2 * pairs, work, work_of, sizeof(work_of[0]));
	report_done(pairs * batches * OBJECTS);
	return 0;
}

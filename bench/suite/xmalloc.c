// SPDX-License-Identifier: MIT
/*
 * Producers allocate batches of small objects, and consumers free them, as in Lever and Boreham's
 * test of asymmetric load. Every object is freed by a thread other than the one that allocated it.
 */
#include "workload.h"

#define PAIRS 2
#define BATCH 256
#define QUEUE_MAX 32

struct batch {
	struct batch *next;
	void *objects[BATCH];
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct batch *first;
	size_t length;
	size_t to_come;
};

struct worker {
	struct queue *queue;
	size_t batches;
	uint64_t random;
	int is_producer;
};

static void queue_put(struct queue *queue, struct batch *batch)
{
	pthread_mutex_lock(&queue->lock);
	while (queue->length >= QUEUE_MAX)
		pthread_cond_wait(&queue->changed, &queue->lock);
	batch->next = queue->first;
	queue->first = batch;
	queue->length++;
	pthread_cond_broadcast(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
}

/* Takes a batch out of the queue. Returns NULL after all batches have been taken. */
static struct batch *queue_get(struct queue *queue)
{
	struct batch *batch;

	pthread_mutex_lock(&queue->lock);
	while (!queue->first && queue->to_come)
		pthread_cond_wait(&queue->changed, &queue->lock);
	batch = queue->first;
	if (batch) {
		queue->first = batch->next;
		queue->length--;
		queue->to_come--;
		pthread_cond_broadcast(&queue->changed);
	}
	pthread_mutex_unlock(&queue->lock);
	return batch;
}

static void produce(struct worker *worker)
{
	for (size_t i = 0; i < worker->batches; i++) {
		struct batch *batch = take(sizeof(*batch));

		for (size_t k = 0; k < BATCH; k++)
			batch->objects[k] = take(16 + random_below(&worker->random, 112));
		queue_put(worker->queue, batch);
	}
}

static void consume(struct worker *worker)
{
	struct batch *batch;

	while ((batch = queue_get(worker->queue))) {
		for (size_t k = 0; k < BATCH; k++)
			free(batch->objects[k]);
		free(batch);
	}
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	if (worker->is_producer)
		produce(worker);
	else
		consume(worker);
	return NULL;
}

int main(int argc, char **argv)
{
	struct queue queue = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 0, 0 };
	struct worker workers[2 * PAIRS];
	size_t batches = amount(argc, argv, 14000);

	queue.to_come = PAIRS * batches;
	for (size_t i = 0; i < 2 * PAIRS; i++)
		workers[i] = (struct worker){ &queue, batches, random_seed(i), i % 2 == 0 };
	run_threads(2 * PAIRS, work, workers, sizeof(workers[0]));
	return 0;
}

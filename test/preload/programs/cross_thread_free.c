// SPDX-License-Identifier: MIT
/*
 * Protects programs with producers and consumers: memory that one thread allocates and another
 * thread frees is reused, so that memory use stays bounded, and objects keep their content
 * (Faults B36).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../lib/check.h"

#define PAIRS 2
#define QUEUE 1024
#define OBJECTS 400000

static struct queue {
	_Atomic size_t head, tail;
	unsigned long *objects[QUEUE];
} queues[PAIRS];

static size_t size_of(unsigned long i)
{
	return sizeof(long) + (i % 1000 ? i * 2654435761UL % 2000 : i % 300000);
}

static void *produce(void *argument)
{
	struct queue *queue = argument;

	for (unsigned long i = 0; i < OBJECTS; i++) {
		unsigned long *object = malloc(size_of(i));

		CHECK(object);
		object[0] = i;
		((char *)object)[size_of(i) - 1] ^= 1;
		while (queue->head - queue->tail == QUEUE)
			sched_yield();
		queue->objects[queue->head % QUEUE] = object;
		queue->head++;
	}
	return NULL;
}

static void *consume(void *argument)
{
	struct queue *queue = argument;
	long early = 0;

	for (unsigned long i = 0; i < OBJECTS; i++) {
		unsigned long *object;

		while (queue->head == queue->tail)
			sched_yield();
		object = queue->objects[queue->tail % QUEUE];
		queue->tail++;
		CHECK(size_of(i) < 2 * sizeof(long) || object[0] == i);
		free(object);
		if (i == OBJECTS / 10)
			early = resident_kib();
	}
	CHECK(resident_kib() < early + 65536);
	return NULL;
}

int main(void)
{
	pthread_t threads[2 * PAIRS];

	for (int i = 0; i < PAIRS; i++) {
		CHECK(!pthread_create(&threads[2 * i], NULL, produce, &queues[i]));
		CHECK(!pthread_create(&threads[2 * i + 1], NULL, consume, &queues[i]));
	}
	for (int i = 0; i < 2 * PAIRS; i++)
		CHECK(!pthread_join(threads[i], NULL));
	return 0;
}

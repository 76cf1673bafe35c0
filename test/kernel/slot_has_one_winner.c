// SPDX-License-Identifier: MIT
/*
 * If many threads fill or empty the same slot at the same time, exactly one succeeds. The others
 * get EEXIST or ENOENT, and no chunk is lost or counted twice (Faults A12, A13).
 */
#include "guest.h"

#include <pthread.h>

#define THREADS 6
#define ROUNDS 150
#define SLOTS 2U

static pthread_barrier_t start, end;
static int fd, winners;
static bool is_filling;

static void *compete(void *arg)
{
	int result, round;

	for (round = 0; round < 2 * ROUNDS; round++) {
		pthread_barrier_wait(&start);
		result = is_filling ? populate(fd, 7, SLOTS, NULL) : punch(fd, 7, SLOTS);
		if (!result)
			__atomic_add_fetch(&winners, 1, __ATOMIC_SEQ_CST);
		else
			REFUSED(result, is_filling ? EEXIST : ENOENT);
		pthread_barrier_wait(&end);
	}
	return arg;
}

static void one_wins(bool fill_slots, unsigned long used)
{
	winners = 0;
	is_filling = fill_slots;
	pthread_barrier_wait(&start);
	pthread_barrier_wait(&end);
	EQUAL(winners, 1);
	EQUAL(info_of(fd).pool_chunks, fill_slots ? SLOTS : 0);
	EQUAL(used_chunks(), used);
}

int main(void)
{
	unsigned long base = used_chunks();
	pthread_t threads[THREADS];
	int i;

	fd = open_pool();
	EQUAL(pthread_barrier_init(&start, NULL, THREADS + 1), 0);
	EQUAL(pthread_barrier_init(&end, NULL, THREADS + 1), 0);
	for (i = 0; i < THREADS; i++)
		EQUAL(pthread_create(&threads[i], NULL, compete, NULL), 0);
	for (i = 0; i < ROUNDS; i++) {
		one_wins(true, base + SLOTS);
		one_wins(false, base);
	}
	for (i = 0; i < THREADS; i++)
		EQUAL(pthread_join(threads[i], NULL), 0);
	return 0;
}

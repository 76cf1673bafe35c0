// SPDX-License-Identifier: MIT
/*
 * Threads fault on a slot while others punch and fill it. Whenever the slot ends up filled, the
 * page tables map the chunk that the driver reports, and no other; no chunk is lost (Faults A12,
 * A13).
 */
#include "guest.h"

#include <pthread.h>
#include <setjmp.h>

/* The minimum time; on a busy machine the test continues until it has done this many rounds. */
#define SECONDS 4
#define ROUNDS_MIN 20

static char *at;
static int fd;
static volatile bool is_over;
static __thread sigjmp_buf back;

static void on_bus(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static void *touch(void *arg)
{
	volatile uint64_t *words = (void *)(at + (size_t)arg * 8 * PAGE);

	while (!is_over)
		if (!sigsetjmp(back, 1))
			for (size_t i = 0; i < 64; i++)
				words[i * 512]++;
	return NULL;
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_bus, .sa_flags = SA_NODEFER };
	uint64_t end = now_ns() + SECONDS * 1000000000ULL;
	pthread_t threads[3];
	uint64_t phys, rounds = 0;

	sigaction(SIGBUS, &action, NULL);
	fd = open_pool();
	at = map_slots(fd, 0, 1);
	for (size_t i = 0; i < 3; i++)
		EQUAL(pthread_create(&threads[i], NULL, touch, (void *)i), 0);
	while (now_ns() < end || rounds < ROUNDS_MIN) {
		WORKS(populate(fd, 0, 1, &phys));
		touch_pages(at, PAGE);
		EQUAL(phys_of(at), phys);
		/* Checks again a moment later, when late faults have completed. */
		if (!(rounds++ % 8))
			sched_yield();
		EQUAL(phys_of(at), phys);
		WORKS(punch(fd, 0, 1));
		EQUAL(phys_of(at), 0);
	}
	is_over = true;
	for (size_t i = 0; i < 3; i++)
		EQUAL(pthread_join(threads[i], NULL), 0);
	EQUAL(info_of(fd).pool_chunks, 0);
	return 0;
}

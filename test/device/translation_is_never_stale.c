// SPDX-License-Identifier: MIT
/*
 * Protects devices from stale addresses: while threads allocate, free, move and purge memory,
 * create and destroy heaps, and fork, each live object translates to the address in the page
 * tables, and each inherited object to none (Faults B35).
 */
#include <pthread.h>
#include <stdatomic.h>

#include "guest.h"
#include "pinned.h"

#define LIVE 16

static char *shown[LIVE];
static atomic_bool is_over;

/* Touches the page first: a fork of another thread may have emptied the page tables. */
static uint64_t true_phys(char *at)
{
	uint64_t phys = 0;

	while (!phys) {
		*(volatile char *)at = *(volatile char *)at;
		phys = phys_of(at);
	}
	return phys;
}

static void check(char *object, size_t size)
{
	size_t last = size - 1;

	EQUAL(pinned_v2p(object), true_phys(object));
	EQUAL(pinned_v2p(object + last), true_phys(object + last));
	CHECK(pinned_p2v(pinned_v2p(object + last)) == object + last);
}

static void *allocate(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	struct pinned_heap *heap = pinned_heap_create(NULL);
	char *object;
	size_t size;

	for (int i = 0; !atomic_load(&is_over); i++) {
		size = 1 + (size_t)rand_r(&seed) % (i % 8 ? 70000 : 5000000);
		object = pinned_heap_malloc(i % 3 ? NULL : heap, size);
		CHECK(object);
		check(object, size);
		object = pinned_realloc(object, 2 * size);
		CHECK(object);
		check(object, 2 * size);
		pinned_free(object);
		if (i % 16 == 0) {
			WORKS(pinned_heap_destroy(heap));
			heap = pinned_heap_create(NULL);
			CHECK(heap);
		}
	}
	WORKS(pinned_heap_destroy(heap));
	return NULL;
}

static void *purge(void *arg)
{
	(void)arg;
	while (!atomic_load(&is_over)) {
		pinned_purge();
		for (size_t i = 0; i < LIVE; i++)
			check(shown[i], 5000);
		usleep(1000);
	}
	return NULL;
}

static void child(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < LIVE; i++) {
		char *mine = pinned_malloc(5000);

		EQUAL(pinned_v2p(shown[i]), PINNED_NO_PHYS);
		EQUAL(pinned_v2p_sg(shown[i], 5000, NULL, 0), -1);
		check(mine, 5000);
	}
}

int main(void)
{
	pthread_t threads[3];

	for (size_t i = 0; i < LIVE; i++)
		shown[i] = pinned_malloc(5000);
	for (size_t i = 0; i < 3; i++)
		EQUAL(pthread_create(&threads[i], NULL, i < 2 ? allocate : purge, (void *)(i + 1)),
		      0);
	for (int i = 0; i < 40; i++)
		ENDED_WELL(spawn(child, NULL));
	atomic_store(&is_over, true);
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < LIVE; i++)
		check(shown[i], 5000);
	return 0;
}

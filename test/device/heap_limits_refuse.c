// SPDX-License-Identifier: MIT
/*
 * Protects a machine from a process that asks for too much: a heap's limit, and the limit of the
 * configuration, end in ENOMEM at once, existing objects stay intact, and freed memory can be
 * allocated again. No setting of the driver is changed (Faults B33).
 */
#include "guest.h"
#include "pinned.h"

#define LIMIT (4 * CHUNK)

static void of_a_heap(void)
{
	struct pinned_heap_options options = { .size = sizeof(options), .limit = LIMIT };
	struct pinned_heap *heap = pinned_heap_create(&options);
	char *first;

	CHECK(heap);
	CHECK(!pinned_heap_malloc(heap, LIMIT + CHUNK));
	EQUAL(errno, ENOMEM);
	first = pinned_heap_malloc(heap, 3 * CHUNK);
	CHECK(first);
	fill(first, 3 * CHUNK, 1);
	CHECK(!pinned_heap_malloc(heap, 3 * CHUNK));
	EQUAL(errno, ENOMEM);
	FILLED(first, 3 * CHUNK, 1);
	pinned_free(first);
	first = pinned_heap_malloc(heap, 3 * CHUNK);
	CHECK(first);
	WORKS(pinned_heap_destroy(heap));
}

static void of_the_configuration(void *unused)
{
	static char *objects[LIMIT / 100000 + 1];
	size_t count = 0;

	(void)unused;
	WORKS(setenv("PINNED_CONF", "backend:device,limit:8M", 1));
	while ((objects[count] = pinned_malloc(100000))) {
		fill(objects[count], 100000, count);
		CHECK(++count < sizeof(objects) / sizeof(*objects));
	}
	EQUAL(errno, ENOMEM);
	CHECK(count > LIMIT / 2 / 100000);
	for (size_t i = 0; i < count; i++)
		FILLED(objects[i], 100000, i);
}

int main(void)
{
	/* Before this process reads its own configuration. */
	ENDED_WELL(spawn(of_the_configuration, NULL));
	of_a_heap();
	return 0;
}

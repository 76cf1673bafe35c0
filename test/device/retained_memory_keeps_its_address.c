// SPDX-License-Identifier: MIT
/*
 * Protects memory that a device is working on: a retained object keeps its physical address and
 * content after the program has freed it, while children are forked that inherit it, and after its
 * heap was destroyed. A child retains nothing, and its heaps keep working (Faults B12, B13, B35).
 */
#include "guest.h"
#include "pinned.h"

static const size_t sizes[] = { 100, 5000, 100000, 2097152, 6000000 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static struct pinned_heap *heap;
static char *retained[SIZES];
static char *live[SIZES];

static void child(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < SIZES; i++) {
		EQUAL(pinned_v2p(retained[i]), PINNED_NO_PHYS);
		FILLED(retained[i], sizes[i], i);
		FILLED(live[i], sizes[i], 10 + i);
		REFUSED(pinned_retain(live[i]), EFAULT);
		WORKS(pinned_release(retained[i]));
		WORKS(pinned_release(live[i]));
		fill(retained[i], sizes[i], 20);
		if (i % 2)
			pinned_free(live[i]);
		else
			FILLED(pinned_realloc(live[i], 2 * sizes[i]), sizes[i], 10 + i);
	}
	for (size_t i = 0; i < SIZES; i++) {
		char *mine = pinned_heap_malloc(heap, sizes[i]);

		fill(mine, sizes[i], 30);
		EQUAL(pinned_v2p(mine), phys_of(mine));
		WORKS(pinned_retain(mine));
		pinned_free(mine);
		FILLED(mine, sizes[i], 30);
		REFUSED(pinned_heap_destroy(heap), EBUSY);
		WORKS(pinned_release(mine));
	}
	WORKS(pinned_heap_destroy(heap));
	FILLED(retained[0], sizes[0], 20);
}

static void check_parent(const uint64_t *phys)
{
	for (size_t i = 0; i < SIZES; i++) {
		char *other = pinned_heap_malloc(heap, sizes[i]);

		fill(other, sizes[i], 40);
		FILLED(retained[i], sizes[i], i);
		EQUAL(pinned_v2p(retained[i]), phys[i]);
		EQUAL(phys_of(retained[i]), phys[i]);
		pinned_free(other);
		pinned_purge();
	}
}

int main(void)
{
	struct pinned_heap_options options = { .size = sizeof(options),
					       .memory_type = PINNED_MEMORY_UNCACHED };
	unsigned long before = used_chunks();
	uint64_t phys[SIZES];

	heap = pinned_heap_create(&options);
	CHECK(heap);
	for (size_t i = 0; i < SIZES; i++) {
		retained[i] = pinned_heap_malloc(heap, sizes[i]);
		live[i] = pinned_heap_malloc(heap, sizes[i]);
		fill(retained[i], sizes[i], i);
		fill(live[i], sizes[i], 10 + i);
		phys[i] = pinned_v2p(retained[i]);
		WORKS(pinned_retain(retained[i] + sizes[i] / 2));
		WORKS(pinned_retain(live[i]));
		pinned_free(retained[i]);
	}
	check_parent(phys);
	for (int round = 0; round < 3; round++) {
		ENDED_WELL(spawn(child, NULL));
		check_parent(phys);
	}
	for (size_t i = 0; i < SIZES; i++) {
		WORKS(pinned_release(retained[i]));
		WORKS(pinned_release(live[i]));
		FILLED(live[i], sizes[i], 10 + i);
	}
	WORKS(pinned_heap_destroy(heap));
	COMES_TO_USE(before);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * jemalloc on pinned memory. jemalloc allocates its extents through hooks, and the hooks here
 * return runs of raw chunks. If jemalloc splits a run and frees a part, then that part is released
 * if it consists of whole chunks; else jemalloc keeps the part and uses it again. Destroying the
 * heap releases everything else.
 */
#include "pinned_arena.h"

#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * jemalloc passes the extent_hooks_t to each hook. It is the first member, so that heap_of() finds
 * the heap.
 */
struct hooks {
	extent_hooks_t hooks;
	struct pinned_heap *heap;
};

static struct pinned_heap *heap_of(extent_hooks_t *hooks)
{
	return ((struct hooks *)hooks)->heap;
}

static size_t chunks_for(size_t size)
{
	return (size + PINNED_CHUNK_SIZE - 1) / PINNED_CHUNK_SIZE;
}

static void *alloc(extent_hooks_t *hooks, void *new_addr, size_t size, size_t alignment, bool *zero,
		   bool *commit, unsigned int arena)
{
	unsigned int flags = *zero ? PINNED_CHUNKS_ZEROED : 0;

	(void)arena;
	/* Requests for a fixed address are refused; jemalloc then asks again without an address. */
	if (new_addr)
		return NULL;
	if (alignment < PINNED_CHUNK_SIZE)
		alignment = PINNED_CHUNK_SIZE;
	*commit = true;
	return pinned_chunks_alloc(heap_of(hooks), chunks_for(size), alignment, flags, NULL, NULL);
}

/* Frees an extent. Return: true if jemalloc must keep the extent. */
static bool dalloc(extent_hooks_t *hooks, void *addr, size_t size, bool committed,
		   unsigned int arena)
{
	(void)hooks;
	(void)committed;
	(void)arena;
	if ((uintptr_t)addr % PINNED_CHUNK_SIZE || size % PINNED_CHUNK_SIZE)
		return true;
	return pinned_chunks_free(addr, size / PINNED_CHUNK_SIZE) != 0;
}

/* Chunks do not record where runs begin and end, so split and merge always succeed. */
static bool split(extent_hooks_t *hooks, void *addr, size_t size, size_t size_a, size_t size_b,
		  bool committed, unsigned int arena)
{
	(void)hooks, (void)addr, (void)size, (void)size_a, (void)size_b, (void)committed,
		(void)arena;
	return false;
}

static bool merge(extent_hooks_t *hooks, void *addr_a, size_t size_a, void *addr_b, size_t size_b,
		  bool committed, unsigned int arena)
{
	(void)hooks, (void)addr_a, (void)size_a, (void)addr_b, (void)size_b, (void)committed,
		(void)arena;
	return false;
}

/* There are no hooks to decommit and purge, because the memory is pinned. */
static const extent_hooks_t pinned_hooks = {
	.alloc = alloc,
	.dalloc = dalloc,
	.split = split,
	.merge = merge,
};

int pinned_arena_create(struct pinned_arena *arena, const struct pinned_heap_options *options)
{
	struct hooks *hooks = malloc(sizeof(*hooks));
	size_t size = sizeof(arena->index);
	int err;

	if (!hooks)
		return ENOMEM;
	hooks->hooks = pinned_hooks;
	hooks->heap = pinned_heap_create(options);
	err = hooks->heap ? 0 : errno;
	arena->heap = hooks->heap;
	arena->hooks = &hooks->hooks;
	if (!err)
		err = mallctl("arenas.create", &arena->index, &size, &arena->hooks,
			      sizeof(arena->hooks));
	if (err) {
		pinned_heap_destroy(hooks->heap);
		free(hooks);
	}
	return err;
}

void pinned_arena_destroy(struct pinned_arena *arena)
{
	char name[40];

	snprintf(name, sizeof(name), "arena.%u.destroy", arena->index);
	mallctl(name, NULL, NULL, NULL, 0);
	pinned_heap_destroy(arena->heap);
	free(arena->hooks);
}

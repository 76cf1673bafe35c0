/* SPDX-License-Identifier: MIT */
/* A jemalloc arena whose memory is pinned: for mallocx() with MALLOCX_ARENA(). */
#ifndef PINNED_ARENA_H
#define PINNED_ARENA_H

#include <pinned.h>

/**
 * struct pinned_arena - an arena and the heap that it lives on
 * @index: for MALLOCX_ARENA()
 * @heap: where its chunks are from
 * @hooks: what jemalloc is told; it keeps a pointer to them
 */
struct pinned_arena {
	unsigned int index;
	struct pinned_heap *heap;
	struct extent_hooks_s *hooks;
};

/* @options: as for pinned_heap_create(). Return: 0 or an errno. */
int pinned_arena_create(struct pinned_arena *arena, const struct pinned_heap_options *options);
/* All objects in it are gone. */
void pinned_arena_destroy(struct pinned_arena *arena);

#endif /* PINNED_ARENA_H */

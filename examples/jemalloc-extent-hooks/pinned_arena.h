/* SPDX-License-Identifier: MIT */
/* A jemalloc arena in pinned memory, for use with mallocx() and MALLOCX_ARENA(). */
#ifndef PINNED_ARENA_H
#define PINNED_ARENA_H

#include <pinned.h>

/**
 * struct pinned_arena - an arena and the heap that its memory comes from
 * @index: the arena's index, for MALLOCX_ARENA()
 * @heap: the heap that supplies the arena's chunks
 * @hooks: the arena's hooks; jemalloc keeps a pointer to them
 */
struct pinned_arena {
	unsigned int index;
	struct pinned_heap *heap;
	struct extent_hooks_s *hooks;
};

/* @options: as for pinned_heap_create(). Return: 0 or an errno. */
int pinned_arena_create(struct pinned_arena *arena, const struct pinned_heap_options *options);
/* Destroys the arena, with all objects in it. */
void pinned_arena_destroy(struct pinned_arena *arena);

#endif /* PINNED_ARENA_H */

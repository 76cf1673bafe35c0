/* SPDX-License-Identifier: MIT */
/*
 * Medium objects, larger than the largest class and up to a chunk: each is a run
 * of pages of its own, recorded as a slab of one object.
 */
#ifndef PN_MEDIUM_H
#define PN_MEDIUM_H

#include "object/slab.h"

/* Threads cache them in bins, four for each doubling from 8 pages to a chunk. */
#define PN_MEDIUM_BINS 25

/* Pages for @size bytes, with what it takes to stagger them. */
size_t pn_medium_pages(size_t size);
/* The bin, counted from 0, of runs of @pages: 8 to a chunk's. */
unsigned int pn_medium_bin(size_t pages);
/* The most pages that an object in @bin has. */
size_t pn_medium_bin_pages(unsigned int bin);

/*
 * @alignment is a power of two up to a chunk; 1 staggers. Live. *is_zeroed tells whether
 * all of it is fresh. Return: NULL without memory.
 */
void *pn_medium_alloc(struct pn_heap *heap, size_t size, size_t alignment, bool *is_zeroed);
/* @ptr is a medium object that is not live any more. */
void pn_medium_free(void *ptr);
/* Does a page lead to @slab because a medium object that began there was freed? */
static inline bool pn_medium_is_gone(const struct pn_slab *slab)
{
	return !slab->count;
}

/* Did a medium object begin at @offset of the arena, with nothing in its place yet? */
bool pn_medium_was_at(size_t offset);
/* Shrink, keep or grow in place. Return: false if it must move. */
bool pn_medium_resize(struct pn_slab *object, size_t size);

#endif /* PN_MEDIUM_H */

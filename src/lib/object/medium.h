/* SPDX-License-Identifier: MIT */
/*
 * Medium objects, larger than the largest class and up to a chunk. Each occupies a page run of its
 * own, which is recorded as a slab of one object.
 */
#ifndef PN_MEDIUM_H
#define PN_MEDIUM_H

#include "object/slab.h"

/* Threads cache medium objects in bins, four for each doubling from 8 pages to a chunk. */
#define PN_MEDIUM_BINS 25

/* Returns how many pages an object of @size bytes takes, including the room to stagger it. */
size_t pn_medium_pages(size_t size);
/* Returns the bin, counted from 0, of page runs of @pages pages: 8 up to a chunk's. */
unsigned int pn_medium_bin(size_t pages);
/* Returns the largest number of pages of any object in @bin. */
size_t pn_medium_bin_pages(unsigned int bin);

/*
 * Allocates a medium object, which is live at once. @alignment is a power of two up to a chunk; an
 * alignment of up to a cache line staggers the object. *is_zeroed tells whether the object contains
 * only zeros because nobody has used its pages. Takes the arena's lock.
 * Return: NULL if there is no memory.
 */
void *pn_medium_alloc(struct pn_heap *heap, size_t size, size_t alignment, bool *is_zeroed);
/*
 * Allocates a medium object of @size bytes, a multiple of 16, at the end of a chunk that contains no
 * other object, in a heap whose objects are guarded. Otherwise like pn_medium_alloc().
 */
void *pn_medium_alloc_at_end(struct pn_heap *heap, size_t size, bool *is_zeroed);
/* Gives back the pages of a medium object that is no longer live. Takes the arena's lock. */
void pn_medium_free(void *ptr);
/* Returns true if @slab is only the mark of a medium object that was freed: see medium.c. */
static inline bool pn_medium_is_freed_mark(const struct pn_slab *slab)
{
	return !slab->count;
}

/* Returns true if a medium object began at @offset, was freed, and nothing has taken its place. */
bool pn_medium_was_freed_at(size_t offset);
/* Resizes the object in place. Return: false if the object must move. Takes the arena's lock. */
bool pn_medium_resize(struct pn_slab *object, size_t size);

#endif /* PN_MEDIUM_H */

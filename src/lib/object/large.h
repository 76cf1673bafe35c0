/* SPDX-License-Identifier: MIT */
/* Objects larger than a chunk: runs of whole slots. */
#ifndef PN_LARGE_H
#define PN_LARGE_H

#include "object/object.h"

/*
 * Allocates a large object, which is live at once. @alignment is a power of two. *is_zeroed tells
 * whether the object contains only zeros. Takes the arena's lock. Return: NULL if there is no
 * memory.
 */
void *pn_large_alloc(struct pn_heap *heap, size_t size, size_t alignment, bool *is_zeroed);

/*
 * Zeroes the first @size bytes of a new large object, except for chunks that nobody has used, so
 * that their pages are not touched.
 */
void pn_large_zero(void *ptr, size_t size);

/*
 * Returns the large object that begins at @ptr, which is in no slab. If there is none, the process
 * dies with a message that names @caller.
 */
struct pn_object pn_large_find(const void *ptr, const char *caller);
/* Resizes the object in place. Return: false if the object must move. Takes the arena's lock. */
bool pn_large_resize(void *ptr, size_t size);

/* Gives back the chunks of an object that is no longer live and was not inherited. */
void pn_large_give(void *ptr);

#endif /* PN_LARGE_H */

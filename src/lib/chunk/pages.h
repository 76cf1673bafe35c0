/* SPDX-License-Identifier: MIT */
/*
 * Page runs inside a heap's chunks. A slab or a medium object occupies one page run. The caller of
 * each function holds the arena's lock, and calls pn_idle_tidy() after it has released that lock.
 */
#ifndef PN_PAGES_H
#define PN_PAGES_H

#include "chunk/heap.h"

/*
 * Takes a run of @count pages, up to a chunk's, whose first page is a multiple of @alignment pages,
 * a power of two. *is_zeroed tells whether the pages contain only zeros because nobody has used
 * them. The lock is released while a new chunk is obtained.
 * Return: the first page, counted from the arena's first; SIZE_MAX if there is no memory.
 */
size_t pn_pages_take_locked(struct pn_heap *heap, size_t count, size_t alignment, bool *is_zeroed);
/* Adds @more pages to a run that ends before page @behind. Return: false if they are not free. */
bool pn_pages_extend_locked(struct pn_heap *heap, size_t behind, size_t more);
/*
 * Gives @count pages back. A chunk whose pages are all free then enters the cache of idle chunks.
 */
void pn_pages_give_locked(struct pn_heap *heap, size_t first, size_t count);

#endif /* PN_PAGES_H */

/* SPDX-License-Identifier: MIT */
/*
 * Runs of pages inside a heap's chunks: what slabs and medium objects are made of.
 * The arena's lock is held.
 */
#ifndef PN_PAGES_H
#define PN_PAGES_H

#include "chunk/heap.h"

/*
 * @count pages, up to a chunk's, whose first is a multiple of @alignment pages, a
 * power of two. *is_zeroed tells whether nobody has had them. Return: the first,
 * counted from the arena's; SIZE_MAX without memory.
 */
size_t pn_pages_take_locked(struct pn_heap *heap, size_t count, size_t alignment, bool *is_zeroed);
/* @more pages behind a run that ends before page @behind. Return: false if they are not free. */
bool pn_pages_extend_locked(struct pn_heap *heap, size_t behind, size_t more);
void pn_pages_give_locked(struct pn_heap *heap, size_t first, size_t count);

#endif /* PN_PAGES_H */

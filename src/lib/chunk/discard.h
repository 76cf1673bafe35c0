/* SPDX-License-Identifier: MIT */
/*
 * Gives back memory that a forked child inherited and that contains no live object any more. The
 * addresses stay mapped, and the child uses them for nothing else: they still belong to the
 * parent's pool.
 *
 * In a child's copy of its parent's slots, @next says whether the slot was given back, and @fresh
 * contains the pages that were given back or that nobody has written to. The other members stay
 * unchanged, because they tell which objects were freed.
 */
#ifndef PN_DISCARD_H
#define PN_DISCARD_H

#include "chunk/heap.h"

/* Gives back the memory of @count slots. */
void pn_discard_slots(size_t first, size_t count);
/* Returns true if the slot was given back as a whole. */
bool pn_discard_is_done(size_t slot);
/*
 * Gives back pages of one chunk; @first is counted from the arena's first page. Does nothing with a
 * backend that can give back only whole chunks.
 */
void pn_discard_pages(size_t first, size_t count);

#endif /* PN_DISCARD_H */

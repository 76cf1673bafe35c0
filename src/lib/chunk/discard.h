/* SPDX-License-Identifier: MIT */
/*
 * Giving back memory that a forked child inherited and that holds nothing any more. The addresses stay
 * mapped, and stay the parent's pool's: the child uses them for nothing else.
 *
 * In a child's copy of its parent's slots, @next tells that the slot was given back, and @fresh has the
 * pages that were, or that nobody has written to. The rest stays: it tells what was freed.
 */
#ifndef PN_DISCARD_H
#define PN_DISCARD_H

#include "chunk/heap.h"

void pn_discard_slots(size_t first, size_t count);
/* Was the slot given back? */
bool pn_discard_is_done(size_t slot);
/* Pages of one chunk, counted from the arena's first. Some backends give back whole chunks only. */
void pn_discard_pages(size_t first, size_t count);

#endif /* PN_DISCARD_H */

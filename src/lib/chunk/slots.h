/* SPDX-License-Identifier: MIT */
/* A heap's slots: populates them, takes runs of them for large objects, and gives them back. */
#ifndef PN_SLOTS_H
#define PN_SLOTS_H

#include "chunk/search.h"

/*
 * Takes a run of slots as @run requests. Takes the arena's lock. The caller holds no lock. Return:
 * false without memory.
 */
bool pn_slots_take(struct pn_heap *heap, struct pn_slot_run *run);
/*
 * Adds @more slots at the end of a large object that has @count slots from @first on. Takes the
 * arena's lock. Return: false if the slots are not available.
 */
bool pn_slots_extend(struct pn_heap *heap, size_t first, size_t count, size_t more);
/* Gives back all but the first @count slots of a large object. Takes the arena's lock. */
void pn_slots_shrink(struct pn_heap *heap, size_t first, size_t count);
/* Gives back all slots of a large object. Takes the arena's lock. */
void pn_slots_give(struct pn_heap *heap, size_t first, size_t count);
/*
 * Gives back raw slots. Takes the arena's lock. Return: false, with nothing changed, if not all of
 * them are raw slots of one heap.
 */
bool pn_slots_give_raw(size_t first, size_t count);

/*
 * Takes one populated slot, which is then in no list: the newest EMPTY one, or a new one. The
 * caller holds the arena's lock. Returns SIZE_MAX if there is no memory.
 */
size_t pn_slots_take_one_locked(struct pn_heap *heap);

#endif /* PN_SLOTS_H */

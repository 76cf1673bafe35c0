/* SPDX-License-Identifier: MIT */
/*
 * Where a heap can take a run of slots. The caller of each function holds the arena's lock. Nothing
 * is taken here.
 */
#ifndef PN_SEARCH_H
#define PN_SEARCH_H

#include "chunk/heap.h"

/**
 * struct pn_slot_run - a run of slots: the request, and then the result
 * @count: how many slots are requested
 * @alignment: alignment of the first slot, in slots
 * @is_contiguous: the run must be physically contiguous
 * @is_raw: the run is for another allocator, not for a large object
 * @first: result: the first slot
 * @is_zeroed: result: nobody has used any of the slots since they were populated
 */
struct pn_slot_run {
	size_t count;
	size_t alignment;
	bool is_contiguous;
	bool is_raw;
	size_t first;
	bool is_zeroed;
};

/* Finds available slots for @run, and stores the first of them. Return: false if there are none. */
bool pn_search_find(struct pn_heap *heap, struct pn_slot_run *run);
/* Returns true if @run, which says where it begins, can continue the object before it. */
bool pn_search_can_follow(const struct pn_heap *heap, const struct pn_slot_run *run);
/* Remembers slots that a large object has left, which are found first from now on. */
void pn_search_note_freed(struct pn_heap *heap, size_t first, size_t count);

/* Returns true if a slot, claimed or not, has no memory. */
static inline bool pn_search_is_hole(size_t slot)
{
	return slot >= pn_arena_slot_count() || pn_arena.slots[slot].state == PN_SLOT_HOLE;
}

#endif /* PN_SEARCH_H */

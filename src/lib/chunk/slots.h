/* SPDX-License-Identifier: MIT */
/* A heap's slots: populating them, runs of them for large objects, giving them back. */
#ifndef PN_SLOTS_H
#define PN_SLOTS_H

#include "chunk/heap.h"

/**
 * struct pn_run - slots that are wanted, and then those that were found
 * @count: how many
 * @alignment: of the first, in slots
 * @is_contiguous: they shall be one physical extent
 * @is_raw: for another allocator; else for a large object
 * @first: out: the first
 * @is_zeroed: out: nobody has had any of them since they were populated
 */
struct pn_run {
	size_t count;
	size_t alignment;
	bool is_contiguous;
	bool is_raw;
	size_t first;
	bool is_zeroed;
};

/* Return: false without memory. */
bool pn_slots_take(struct pn_heap *heap, struct pn_run *run);
/* @more slots behind a large object that has @count from @first. Return: false if they are not to be had. */
bool pn_slots_extend(struct pn_heap *heap, size_t first, size_t count, size_t more);
/* Of a large object only the @count first slots are left. */
void pn_slots_shrink(struct pn_heap *heap, size_t first, size_t count);
/* All slots of a large object. */
void pn_slots_give(struct pn_heap *heap, size_t first, size_t count);
/* Raw slots. Return: false if not all of these are, of one heap; nothing has changed then. */
bool pn_slots_give_raw(size_t first, size_t count);

/* One slot with memory, in no list; SIZE_MAX without memory. The arena's lock is held. */
size_t pn_slots_take_one_locked(struct pn_heap *heap);

#endif /* PN_SLOTS_H */

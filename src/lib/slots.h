/* SPDX-License-Identifier: MIT */
/* A heap's slots: populating them, runs of them for large objects, giving them back. */
#ifndef PN_SLOTS_H
#define PN_SLOTS_H

#include "heap.h"

/*
 * A large object of @count slots whose first is a multiple of @alignment slots.
 * *is_zeroed tells whether all of it is fresh. Return: first slot, SIZE_MAX without memory.
 */
size_t pn_slots_take(struct pn_heap *heap, size_t count, size_t alignment, bool *is_zeroed);
/* @more slots behind a large object that has @count from @first. Return: false if they are not to be had. */
bool pn_slots_extend(struct pn_heap *heap, size_t first, size_t count, size_t more);
/* The @count last of a large object's slots; all of them end it. */
void pn_slots_give(struct pn_heap *heap, size_t first, size_t count);

/* Give empty chunks back now. Return: how many. */
size_t pn_slots_purge(struct pn_heap *heap);

/* One slot with memory, in no list; SIZE_MAX without memory. The arena's lock is held, as below. */
size_t pn_slots_take_one_locked(struct pn_heap *heap);
/* It holds nothing any more. */
void pn_slots_emptied_locked(struct pn_heap *heap, size_t index);
/* What a slow path does for the whole: decay, and mending after a fork. */
void pn_slots_tidy_locked(struct pn_heap *heap);

#endif /* PN_SLOTS_H */

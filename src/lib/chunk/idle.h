/* SPDX-License-Identifier: MIT */
/*
 * The cache of a heap's idle chunks, which have memory and hold nothing (EMPTY): what enters the
 * cache, what leaves it, and when memory is given back. The caller of a function whose name ends in
 * _locked holds the arena's lock.
 */
#ifndef PN_IDLE_H
#define PN_IDLE_H

#include "chunk/heap.h"

/* Turns populated holes into idle chunks. @phys are their physical addresses. */
void pn_idle_fill_locked(struct pn_heap *heap, size_t first, size_t count, const uint64_t *phys);
/* Adds a chunk whose last object was freed. */
void pn_idle_add_locked(struct pn_heap *heap, size_t index);
/* Takes a chunk out of the cache, to hold something. */
void pn_idle_take_locked(struct pn_heap *heap, size_t index);

/* Returns true if a slot is idle and the heap's pool can take its memory back. */
bool pn_idle_is_punchable(const struct pn_heap *heap, const struct pn_slot *slot);
/* Gives back the memory of all idle chunks now. Return: how many chunks. */
size_t pn_idle_purge_locked(struct pn_heap *heap);
/*
 * Turns idle chunks whose memory could not be given back into holes. The regions of these chunks
 * must not be used again.
 */
void pn_idle_abandon_locked(struct pn_heap *heap);
/*
 * Forgets all chunks of a heap, after their memory has come to belong to another process or heap.
 * The caller holds the arena's lock, or is the only thread of a forked child.
 */
void pn_idle_forget(struct pn_heap *heap);
/* In a forked child: forgets all chunks of @heap, and sets the count of the process to 0. */
void pn_idle_in_child(struct pn_heap *heap);

/*
 * Notes that the backend has refused memory: for a while, the heap gives chunks back as soon as
 * they are idle.
 */
void pn_idle_note_shortage_locked(struct pn_heap *heap);

/*
 * Does the housekeeping of a slow path: gives back chunks that have been idle for decay_ms, and
 * undoes what forks did to the mappings.
 */
void pn_idle_tidy_locked(struct pn_heap *heap);

#endif /* PN_IDLE_H */

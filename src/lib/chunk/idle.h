/* SPDX-License-Identifier: MIT */
/*
 * The cache of a heap's idle chunks, which have memory and hold nothing (EMPTY): what enters it, what
 * leaves it, and when memory goes back. The arena's lock is held where a name ends in _locked.
 */
#ifndef PN_IDLE_H
#define PN_IDLE_H

#include "chunk/heap.h"

/* Makes idle chunks of holes that have got memory, at @phys. */
void pn_idle_fill_locked(struct pn_heap *heap, size_t first, size_t count, const uint64_t *phys);
/* Adds a chunk whose last object was freed. */
void pn_idle_add_locked(struct pn_heap *heap, size_t index);
/* Takes a chunk out of the cache, to hold something. */
void pn_idle_take_locked(struct pn_heap *heap, size_t index);

/* Returns true if a slot is idle and the heap's pool can take its memory back. */
bool pn_idle_is_punchable(const struct pn_heap *heap, const struct pn_slot *slot);
/* Gives the memory of idle chunks back now. Return: of how many. */
size_t pn_idle_purge_locked(struct pn_heap *heap);
/* Makes holes of the chunks whose memory could not be given back; their extents are not used again. */
void pn_idle_abandon_locked(struct pn_heap *heap);
/*
 * Forgets all chunks of a heap, whose memory is another process's, or another heap's by now. The
 * caller holds the arena's lock, or is the only thread of a forked child.
 */
void pn_idle_forget(struct pn_heap *heap);
/* In a forked child: the same of every heap, none of which has any chunk. */
void pn_idle_in_child(struct pn_heap *heap);

/* The backend has refused memory: for a while, chunks are given back as soon as they are empty. */
void pn_idle_note_shortage_locked(struct pn_heap *heap);

/* What a slow path does for the whole: decay, and mending after a fork. */
void pn_idle_tidy_locked(struct pn_heap *heap);

#endif /* PN_IDLE_H */

/* SPDX-License-Identifier: MIT */
/*
 * Chunks of a heap that have memory and hold nothing: how many there may be, how
 * long they are kept. The arena's lock is held, where a name ends in _locked.
 */
#ifndef PN_EMPTY_H
#define PN_EMPTY_H

#include "chunk/heap.h"

/* What all heaps together may hold, in chunks; set once, before there is any. What they at most had. */
void pn_empty_set_limit(uint64_t chunks);
uint64_t pn_empty_limit(void);
uint64_t pn_empty_peak(void);
/* Would @count chunks more be too many? */
bool pn_empty_is_over_limit(const struct pn_heap *heap, size_t count);

/*
 * Holes have got memory: attached devices are shown it, or it goes back. Return: 0, ENOMEM, or
 * PN_BACKEND_LOST.
 */
int pn_empty_admit_locked(struct pn_heap *heap, size_t first, size_t count);
/* Holes that have memory now, at @phys, are EMPTY slots. */
void pn_empty_fill_locked(struct pn_heap *heap, size_t first, size_t count, const uint64_t *phys);
/* A slot holds nothing any more. */
void pn_empty_add_locked(struct pn_heap *heap, size_t index);
/* It will hold something. */
void pn_empty_take_locked(struct pn_heap *heap, size_t index);

/* Can an EMPTY slot be given back, by the heap's pool? */
bool pn_empty_is_punchable(const struct pn_heap *heap, const struct pn_slot *slot);
/* Give them back now. Return: how many. */
size_t pn_empty_purge_locked(struct pn_heap *heap);
/* Those that could not be given back are nobody's; their extents are not used again. */
void pn_empty_abandon_locked(struct pn_heap *heap);
/*
 * Forgets all chunks of a heap, whose memory is another process's, or another heap's by now. The
 * caller holds the arena's lock, or is the only thread of a forked child.
 */
void pn_empty_forget(struct pn_heap *heap);
/* In a forked child: the same of every heap, none of which has any chunk. */
void pn_empty_in_child(struct pn_heap *heap);

/* The backend has refused memory: for a while, chunks are given back as soon as they are empty. */
void pn_empty_note_shortage_locked(struct pn_heap *heap);

/* What a slow path does for the whole: decay, and mending after a fork. */
void pn_empty_tidy_locked(struct pn_heap *heap);

#endif /* PN_EMPTY_H */

/* SPDX-License-Identifier: MIT */
/*
 * How many idle chunks a heap keeps, and how long. The arena's lock covers everything here.
 *
 * A heap keeps at most a fixed number of idle chunks, or an eighth of the chunks that it uses, and
 * gives excess chunks back in the call that frees. A process that sleeps therefore keeps little,
 * although no thread of the library's works in the background. The key idle sets the fixed number of
 * the default heap. The kept chunks are given back evenly within decay_ms: a heap that keeps as many
 * as it may gives the first one back soon, and a heap that keeps a single one gives this one back
 * after decay_ms.
 *
 * A program that frees and allocates the same chunks again and again would pay for two system calls
 * each time. If chunks are needed again soon after they were given back as excess, then the heap
 * keeps as many more in future, up to a limit, until they have decayed.
 */
#ifndef PN_KEEP_H
#define PN_KEEP_H

#include "chunk/heap.h"

/* Returns how many idle chunks are to be given back because they are too many; 0 if they are not. */
uint64_t pn_keep_count_excess_locked(const struct pn_heap *heap);
/*
 * Returns the age in milliseconds from which on the oldest idle chunk is given back; 0 if all idle
 * chunks are to be given back, whatever their age is.
 */
uint64_t pn_keep_age_locked(struct pn_heap *heap);

/* Records that a heap has got chunks from its backend. */
void pn_keep_note_filled_locked(struct pn_heap *heap, uint64_t count);
/* Records that excess chunks were given back. */
void pn_keep_note_excess_given_locked(struct pn_heap *heap, uint64_t count);
/*
 * Records that chunks were given back because of their age. Once few are left, the heap has needed
 * none of the others for long, and keeps no more than any heap from now on.
 */
void pn_keep_note_decayed_locked(struct pn_heap *heap);
/* Records that excess chunks cannot be given back: they are kept until they decay. */
void pn_keep_accept_excess_locked(struct pn_heap *heap);
/*
 * Records that the backend has refused memory: for a while, the heap gives chunks back as soon as
 * they are idle.
 */
void pn_keep_note_shortage_locked(struct pn_heap *heap);

#endif /* PN_KEEP_H */

/* SPDX-License-Identifier: MIT */
/*
 * How many chunks a heap and the whole process hold, and may hold. Unless a comment says something
 * else, the caller holds the arena's lock, or is the only thread of a forked child.
 */
#ifndef PN_LIMIT_H
#define PN_LIMIT_H

#include "chunk/heap.h"

/* Sets how many chunks all heaps together may hold. Called once, before there is any chunk. */
void pn_limit_set(uint64_t chunks);
/* Returns that limit. No lock is needed. */
uint64_t pn_limit_get(void);
/* Returns the most chunks that all heaps together held. Takes the arena's lock. */
uint64_t pn_limit_peak(void);

/*
 * Reserves room for @count chunks, which the caller obtains and then adds, or cancels. Return:
 * false, with nothing changed, if they would be too many for the heap or for the process.
 */
bool pn_limit_reserve(struct pn_heap *heap, size_t count);
/* Gives up the room for @count chunks that were reserved and not added. */
void pn_limit_cancel(struct pn_heap *heap, size_t count);
/* Adds @count chunks, which were reserved, to what the heap and the process hold. */
void pn_limit_add(struct pn_heap *heap, size_t count);
/* Subtracts @count chunks from what the heap and the process hold. */
void pn_limit_subtract(struct pn_heap *heap, uint64_t count);
/* Sets the peak of the process to what the process holds now. */
void pn_limit_reset_peak(void);
/* In a forked child: sets what the process holds to 0. */
void pn_limit_in_child(void);
/* Returns true if @count more chunks would be too many for the heap or for the process. */
bool pn_limit_is_over(const struct pn_heap *heap, size_t count);

#endif /* PN_LIMIT_H */

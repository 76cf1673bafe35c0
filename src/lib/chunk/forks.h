/* SPDX-License-Identifier: MIT */
/*
 * What a parent does around its forks. pn_forks_begin() and pn_forks_end() hold no lock and wait
 * for none: they write atomic words, and a slow path does the rest of the work later.
 *
 * If the backend's chunks move at a fork (see @after_fork of struct pn_backend), no chunk has a
 * known physical address from the beginning of a fork until its address was looked up after the
 * fork.
 */
#ifndef PN_FORKS_H
#define PN_FORKS_H

#include "chunk/heap.h"

/* Called before a fork: removes the physical addresses of chunks that the fork may move. */
void pn_forks_begin(const struct pn_backend *backend);
/* Called in the parent after a fork: looks the addresses up again if the arena's lock is free. */
void pn_forks_end(const struct pn_backend *backend);
/* Returns how many forks have ended. */
uint32_t pn_forks_count(void);
/* Called in a slow path: does the work that forks since the last call have left. */
void pn_forks_notice_locked(struct pn_heap *heap);
/* Stores the physical address of a chunk of @backend; @phys may be PN_PHYS_UNKNOWN. */
void pn_forks_set_phys(const struct pn_backend *backend, size_t slot, uint64_t phys);
/* In a forked child: notes that no fork is under way. */
void pn_forks_in_child(void);

#endif /* PN_FORKS_H */

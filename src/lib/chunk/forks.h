/* SPDX-License-Identifier: MIT */
/*
 * What a parent does around its forks. Before and after a fork no lock is held, and none is waited for:
 * words are written, and a slow path does the rest.
 *
 * Where forks move chunks (see struct pn_backend), no chunk has a known physical address from the
 * moment at which a fork begins until its address was looked up after the fork.
 */
#ifndef PN_FORKS_H
#define PN_FORKS_H

#include "chunk/heap.h"

void pn_forks_begin(const struct pn_backend *backend);
void pn_forks_end(const struct pn_backend *backend);
/* How many have ended. */
uint32_t pn_forks_count(void);
/* In a slow path: does what forks have left to do. */
void pn_forks_notice_locked(struct pn_heap *heap);
/* A chunk of this backend is at @phys now, or at PN_PHYS_UNKNOWN. */
void pn_forks_set_phys(const struct pn_backend *backend, size_t slot, uint64_t phys);
/* In a forked child, in which no fork is under way. */
void pn_forks_in_child(void);

#endif /* PN_FORKS_H */

/* SPDX-License-Identifier: MIT */
/* The slabs of a class under the class's lock: those that belong to nobody, and giving back to any. */
#ifndef PN_CENTRAL_H
#define PN_CENTRAL_H

#include "object/slab.h"

/*
 * Takes up to @wanted objects of a class from slabs that belong to nobody; those at lower addresses
 * come last. They are not live yet. Returns how many it took; 0 without memory.
 */
size_t pn_central_take(struct pn_heap *heap, unsigned int class, struct pn_free *objects,
		       size_t wanted);

/* Gives objects of one heap and class, which are not live any more, back to slabs of any owner. */
void pn_central_give(struct pn_heap *heap, unsigned int class, const struct pn_free *objects,
		     size_t count);

/* Adds to the number of objects of a class that are out. */
void pn_central_count_out(struct pn_heap *heap, unsigned int class, int64_t count);

/* Figures and fork. */

/* Bytes in objects that slabs have given out, threads' caches included. */
uint64_t pn_central_bytes_out(struct pn_heap *heap);

/* Return: false without any lock; see pn_lock_inside(). */
bool pn_central_lock_all(struct pn_heap *heap) __attribute__((warn_unused_result));
void pn_central_unlock_all(struct pn_heap *heap);
/* In a forked child: new locks and empty lists. */
void pn_central_in_child(struct pn_heap *heap);

#endif /* PN_CENTRAL_H */

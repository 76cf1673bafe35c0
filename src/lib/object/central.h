/* SPDX-License-Identifier: MIT */
/* Takes objects from unowned slabs, and returns objects to any slab, under the lock of a class. */
#ifndef PN_CENTRAL_H
#define PN_CENTRAL_H

#include "object/slab.h"

/*
 * Takes up to @wanted objects of a class from unowned slabs; objects at lower addresses come last.
 * The objects are not live yet. Returns how many it took; 0 if there is no memory.
 */
size_t pn_central_take(struct pn_heap *heap, unsigned int class, struct pn_free *objects,
		       size_t wanted);

/* Returns objects of one heap and class, which are no longer live, to their slabs, owned or not. */
void pn_central_give(struct pn_heap *heap, unsigned int class, const struct pn_free *objects,
		     size_t count);

/* Adds @count, which may be negative, to the number of objects that a class has handed out. */
void pn_central_count_out(struct pn_heap *heap, unsigned int class, int64_t count);

/* Figures and fork. */

/* Returns the bytes in objects that slabs have handed out, including those in threads' caches. */
uint64_t pn_central_bytes_out(struct pn_heap *heap);

/*
 * Locks all classes of a heap. Return: false with no lock held, if the thread is in a new forked
 * child; see pn_lock_inside().
 */
bool pn_central_lock_all(struct pn_heap *heap) __attribute__((warn_unused_result));
void pn_central_unlock_all(struct pn_heap *heap);
/* In a forked child: resets the locks, empties the lists, and sets the counts to 0. */
void pn_central_in_child(struct pn_heap *heap);

#endif /* PN_CENTRAL_H */

/* SPDX-License-Identifier: MIT */
/*
 * The slabs of one thread. The thread takes objects from its slabs, and returns objects to them,
 * without a lock. Only slabs of the default heap have owners.
 *
 * An owner's record is never unmapped. A new thread may get the record of a thread that has ended,
 * and then owns the full slabs that the ended thread has left.
 */
#ifndef PN_OWNER_H
#define PN_OWNER_H

#include "object/returned.h"

/*
 * Prepares a record, whose epoch is set, for a thread that begins to use it. Acquires the lock of
 * each class.
 */
void pn_owner_begin(struct pn_owner *owner);
/* Gives up the slabs of a thread that ends. Takes the classes' locks. */
void pn_owner_end(struct pn_owner *owner);

/*
 * Takes up to @wanted objects of a class from the owner's slabs. If there is no free object in
 * them, the owner first collects returned objects, adopts a slab, or makes one, under the class's
 * lock. Returns how many it took; 0 if there is no memory.
 */
size_t pn_owner_take(struct pn_owner *owner, unsigned int class, struct pn_free *objects,
		     size_t wanted);
/* Returns objects, which are no longer live, to their slabs, whether @owner owns them or not. */
void pn_owner_give(struct pn_owner *owner, unsigned int class, const struct pn_free *objects,
		   size_t count);

/*
 * Unmakes all slabs that have no used objects, if @owner owns them or nobody does. Acquires the
 * lock of each class. Returns false if there were none.
 */
bool pn_owner_purge(struct pn_owner *owner);

/*
 * Makes @owner the owner of a slab that is unowned, or whose owner has ended. Acquires the class's
 * lock. Returns false if the slab belongs to another thread, or if most of its objects are free.
 */
bool pn_owner_adopt(struct pn_owner *owner, struct pn_slab *slab);

#endif /* PN_OWNER_H */

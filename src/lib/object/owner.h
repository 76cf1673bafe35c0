/* SPDX-License-Identifier: MIT */
/*
 * The slabs of one thread. It takes objects from them, and gives its own back, without a lock.
 *
 * A record is never unmapped, and a thread that begins may get that of one that has ended: it then
 * owns the full slabs that the other has left. Slabs of the default heap alone have owners.
 */
#ifndef PN_OWNER_H
#define PN_OWNER_H

#include "object/returned.h"

/* Begins and ends a thread's part in the record. */
void pn_owner_begin(struct pn_owner *owner);
void pn_owner_end(struct pn_owner *owner);

/* As pn_central_take(), from the owner's slabs; it gets more of them as needed. */
size_t pn_owner_take(struct pn_owner *owner, unsigned int class, struct pn_free *objects,
		     size_t wanted);
/* As pn_central_give(), for objects of the owner's slabs and of others. */
void pn_owner_give(struct pn_owner *owner, unsigned int class, const struct pn_free *objects,
		   size_t count);

/*
 * Makes a slab the owner's that belongs to nobody, or to a thread that has ended. Returns false if it
 * belongs to another thread.
 */
bool pn_owner_adopt(struct pn_owner *owner, struct pn_slab *slab);

#endif /* PN_OWNER_H */

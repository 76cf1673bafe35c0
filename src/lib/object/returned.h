/* SPDX-License-Identifier: MIT */
/*
 * What others than a slab's owner gave back. Each owner has a list of its slabs that have such
 * objects, for each class; the lock of the class covers the list.
 */
#ifndef PN_RETURNED_H
#define PN_RETURNED_H

#include "object/slab.h"

/**
 * struct pn_owner - one thread's slabs
 * @partial: by class, those with free objects; the thread's alone
 * @returned: by class, those that have objects which others gave back; under the class's lock, and
 *	the thread looks without it whether there are any
 * @epoch: fork generation that the thread began in
 * @has_left: by class, the thread has ended and has no slab with free objects; becomes true under the
 *	class's lock
 */
struct pn_owner {
	struct pn_slab *partial[PN_CLASSES];
	struct pn_slab *returned[PN_CLASSES];
	uint32_t epoch;
	bool has_left[PN_CLASSES];
};

/* Changes only under the class's lock; no thread but the owner itself takes it for its own. */
static inline struct pn_owner *pn_slab_owner(const struct pn_slab *slab)
{
	return __atomic_load_n(&slab->owner, __ATOMIC_RELAXED);
}

/*
 * Does a slab belong to nobody, or to a thread that has ended? Without the class's lock the answer
 * may be out of date.
 */
static inline bool pn_slab_is_nobodys(const struct pn_slab *slab)
{
	const struct pn_owner *owner = pn_slab_owner(slab);

	return !owner || __atomic_load_n(&owner->has_left[slab->class], __ATOMIC_RELAXED);
}

/* Adds a slab that has the first object which another thread gave back. */
void pn_returned_add_locked(struct pn_owner *owner, struct pn_slab *slab);
/* Removes a slab whose returned objects its owner collects, or whose objects all came back so. */
void pn_returned_remove_locked(struct pn_owner *owner, struct pn_slab *slab);

#endif /* PN_RETURNED_H */

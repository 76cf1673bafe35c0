/* SPDX-License-Identifier: MIT */
/*
 * Objects that other threads than a slab's owner returned. Each owner has, for each class, a list
 * of its slabs with such objects; the lock of the class covers the list.
 */
#ifndef PN_RETURNED_H
#define PN_RETURNED_H

#include "object/slab.h"

/**
 * struct pn_owner - one thread's slabs
 * @partial: for each class, the slabs with free objects; only the owner uses this list
 * @returned: for each class, the slabs to which other threads returned objects; the class's lock
 *	covers this list
 * @epoch: fork generation in which the thread began
 * @has_ended: for each class, the thread has ended and has given up its slabs with free objects;
 *	becomes true under the class's lock
 */
struct pn_owner {
	struct pn_slab *partial[PN_CLASSES];
	struct pn_slab *returned[PN_CLASSES];
	uint32_t epoch;
	bool has_ended[PN_CLASSES];
};

/*
 * Returns the owner. It changes only under the class's lock. Without the lock, the answer may be
 * out of date, except that a thread can rely on whether the owner is the thread itself.
 */
static inline struct pn_owner *pn_slab_owner(const struct pn_slab *slab)
{
	return __atomic_load_n(&slab->owner, __ATOMIC_RELAXED);
}

/* Returns the owner, for pn_free(): NULL if there are gaps between the slab's objects. */
static inline struct pn_owner *pn_slab_fast_owner(const struct pn_slab *slab)
{
	return __atomic_load_n(&slab->fast_owner, __ATOMIC_RELAXED);
}

/* Stores the owner; NULL makes the slab unowned. The caller holds the class's lock. */
static inline void pn_slab_set_owner(struct pn_slab *slab, struct pn_owner *owner)
{
	__atomic_store_n(&slab->owner, owner, __ATOMIC_RELAXED);
	if (!pn_slab_has_gaps(slab))
		__atomic_store_n(&slab->fast_owner, owner, __ATOMIC_RELAXED);
}

/*
 * Returns true if a slab is unowned, or its owner has ended. Without the class's lock the answer
 * may be out of date.
 */
static inline bool pn_slab_is_unowned(const struct pn_slab *slab)
{
	const struct pn_owner *owner = pn_slab_owner(slab);

	return !owner || __atomic_load_n(&owner->has_ended[slab->class], __ATOMIC_RELAXED);
}

/* Adds a slab to its owner's list when another thread returns the first object to it. */
void pn_returned_add_locked(struct pn_owner *owner, struct pn_slab *slab);
/*
 * Removes a slab from its owner's list when the owner collects its returned objects, or when other
 * threads have returned all its objects.
 */
void pn_returned_remove_locked(struct pn_owner *owner, struct pn_slab *slab);

#endif /* PN_RETURNED_H */

// SPDX-License-Identifier: MIT
/* The lists of slabs to which other threads than the owner returned objects; see returned.h. */
#include "object/returned.h"

void pn_returned_add_locked(struct pn_owner *owner, struct pn_slab *slab)
{
	struct pn_slab *first = owner->returned[slab->class];

	pn_lock_assert_held(&pn_heap.centrals[slab->class].lock);
	slab->prev_returned = NULL;
	slab->next_returned = first;
	if (first)
		first->prev_returned = slab;
	__atomic_store_n(&owner->returned[slab->class], slab, __ATOMIC_RELAXED);
}

void pn_returned_remove_locked(struct pn_owner *owner, struct pn_slab *slab)
{
	pn_lock_assert_held(&pn_heap.centrals[slab->class].lock);
	if (slab->prev_returned)
		slab->prev_returned->next_returned = slab->next_returned;
	else
		__atomic_store_n(&owner->returned[slab->class], slab->next_returned,
				 __ATOMIC_RELAXED);
	if (slab->next_returned)
		slab->next_returned->prev_returned = slab->prev_returned;
}

// SPDX-License-Identifier: MIT
/* Finding the pool of a range. */
#include "range.h"

#include <errno.h>

#include "runtime.h"

static int check_slot(const struct pn_slot *slot, const struct pn_slot *first)
{
	if (slot->state == PN_SLOT_HOLE || slot->epoch != pn_arena.epoch ||
	    slot->heap != first->heap)
		return EFAULT;
	return slot->pool == slot->heap->pool.number && slot->heap->pool.is_open ? 0 : ENODEV;
}

static int find_locked(struct pn_range *range)
{
	size_t first = range->offset >> PN_CHUNK_SHIFT;
	size_t last = (range->offset + range->len - 1) >> PN_CHUNK_SHIFT;
	int err = 0;

	for (size_t slot = first; !err && slot <= last; slot++)
		err = check_slot(&pn_arena.slots[slot], &pn_arena.slots[first]);
	if (!err)
		range->pool = pn_arena.slots[first].heap->pool;
	return err;
}

int pn_range_find(const void *ptr, size_t len, struct pn_range *range)
{
	int err;

	range->offset = pn_arena_offset(ptr);
	range->len = len;
	if (pn_runtime_enter()->error || range->offset >= pn_arena.size ||
	    len > pn_arena.size - range->offset)
		return EFAULT;
	pn_arena_lock();
	err = find_locked(range);
	pn_arena_unlock();
	return err;
}

int pn_range_type(const void *ptr, size_t len)
{
	size_t offset = pn_arena_offset(ptr), first = offset >> PN_CHUNK_SHIFT;
	const struct pn_slot *slots = pn_arena.slots;

	if (offset >= pn_arena.size || len > pn_arena.size - offset)
		return -1;
	for (size_t slot = first; slot <= (offset + len - 1) >> PN_CHUNK_SHIFT; slot++)
		if (__atomic_load_n(&slots[slot].state, __ATOMIC_RELAXED) == PN_SLOT_HOLE ||
		    slots[slot].epoch != pn_arena.epoch || slots[slot].heap != slots[first].heap)
			return -1;
	return (int)slots[first].heap->pool.memory.type;
}

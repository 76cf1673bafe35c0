// SPDX-License-Identifier: MIT
/* Finding the pool that a range is from; see range.h. */
#include "api/range.h"

#include <errno.h>

#include "front/runtime.h"

/* Stores the offset of @ptr in the arena. Return: false if not all of the range is in the arena. */
static bool locate(const void *ptr, size_t len, size_t *offset)
{
	if (pn_runtime_enter()->error)
		return false;
	*offset = pn_arena_offset(ptr);
	return *offset < pn_arena_size() && len <= pn_arena_size() - *offset;
}

static bool is_of_heap(const struct pn_slot *slot, const struct pn_heap *heap)
{
	return __atomic_load_n(&slot->state, __ATOMIC_RELAXED) != PN_SLOT_HOLE &&
	       slot->epoch == pn_arena.epoch && slot->heap == heap;
}

static size_t last_slot(size_t offset, size_t len)
{
	return (offset + len - 1) >> PN_CHUNK_SHIFT;
}

/* Return: 0 if the slot has memory from the open pool of @heap; else as pn_range_find(). */
static int check_slot(const struct pn_slot *slot, const struct pn_heap *heap)
{
	if (!is_of_heap(slot, heap))
		return EFAULT;
	return slot->pool == slot->heap->pool.number && slot->heap->pool.is_open ? 0 : ENODEV;
}

static int find_locked(struct pn_range *range)
{
	size_t first = range->offset >> PN_CHUNK_SHIFT;
	struct pn_heap *heap = pn_arena.slots[first].heap;
	int err = 0;

	pn_arena_assert_held();
	for (size_t slot = first; !err && slot <= last_slot(range->offset, range->len); slot++)
		err = check_slot(&pn_arena.slots[slot], heap);
	if (!err)
		range->pool = heap->pool;
	return err;
}

int pn_range_find(const void *ptr, size_t len, struct pn_range *range)
{
	int err;

	range->len = len;
	if (!locate(ptr, len, &range->offset))
		return EFAULT;
	pn_arena_lock();
	err = find_locked(range);
	pn_arena_unlock();
	return err;
}

int pn_range_type(const void *ptr, size_t len)
{
	const struct pn_heap *heap;
	size_t offset;

	if (!locate(ptr, len, &offset))
		return -1;
	heap = pn_arena.slots[offset >> PN_CHUNK_SHIFT].heap;
	for (size_t slot = offset >> PN_CHUNK_SHIFT; slot <= last_slot(offset, len); slot++)
		if (!is_of_heap(&pn_arena.slots[slot], heap))
			return -1;
	return (int)heap->pool.memory.type;
}

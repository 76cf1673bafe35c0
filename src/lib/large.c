// SPDX-License-Identifier: MIT
/*
 * Large objects. The arena's slots say where one begins and how long it is; the
 * program that owns the object is the only one that changes that, so no lock is
 * needed to read it.
 */
#include "large.h"

#include "arena.h"
#include "die.h"

static size_t slots_for(size_t size)
{
	return (size + PN_CHUNK_MASK) >> PN_CHUNK_SHIFT;
}

void *pn_large_alloc(size_t size, size_t alignment, bool *is_zeroed)
{
	size_t alignment_slots = alignment > PN_CHUNK_SIZE ? alignment >> PN_CHUNK_SHIFT : 1;
	size_t first;

	/* The arena itself is aligned to its extents, so not to more. */
	if (size > pn_arena.size || alignment_slots > pn_arena_extent_slots())
		return NULL;
	first = pn_arena_take_slots(slots_for(size), alignment_slots, is_zeroed);
	return first == SIZE_MAX ? NULL : pn_arena_at(first << PN_CHUNK_SHIFT);
}

static struct pn_slot *live_slot(const void *ptr, const char *caller)
{
	size_t offset = pn_arena_offset(ptr);
	struct pn_slot *slot;

	if (offset >= pn_arena.size)
		pn_die_invalid(caller, ptr);
	slot = &pn_arena.slots[offset >> PN_CHUNK_SHIFT];
	if (!(offset & PN_CHUNK_MASK) && slot->was_large)
		pn_die_freed(caller, ptr);
	if (slot->state != PN_SLOT_LARGE || offset & PN_CHUNK_MASK)
		pn_die_invalid(caller, ptr);
	return slot;
}

static bool is_inherited(const struct pn_slot *slot)
{
	return slot->epoch != pn_arena.epoch;
}

void pn_large_free(void *ptr, const char *caller)
{
	struct pn_slot *slot = live_slot(ptr, caller);

	slot->was_large = true;
	if (!is_inherited(slot))
		pn_arena_give_slots(pn_arena_offset(ptr) >> PN_CHUNK_SHIFT, slot->run);
}

size_t pn_large_size(const void *ptr, const char *caller)
{
	return (size_t)live_slot(ptr, caller)->run << PN_CHUNK_SHIFT;
}

bool pn_large_resize(void *ptr, size_t size)
{
	size_t first = pn_arena_offset(ptr) >> PN_CHUNK_SHIFT;
	struct pn_slot *slot = &pn_arena.slots[first];
	size_t wanted = slots_for(size);
	size_t surplus;

	if (size <= PN_CHUNK_SIZE || wanted > slot->run)
		return false;
	surplus = slot->run - wanted;
	slot->run = (uint32_t)wanted;
	if (surplus && !is_inherited(slot))
		pn_arena_give_slots(first + wanted, surplus);
	return true;
}

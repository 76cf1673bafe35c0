// SPDX-License-Identifier: MIT
/*
 * Large objects. The arena's table of slots says where an object begins and how many slots it has.
 * Only a call by the program that owns the object changes these entries, so no lock is needed to
 * read them.
 */
#include "object/large.h"

#include <string.h>

#include "chunk/discard.h"
#include "chunk/slots.h"
#include "object/medium.h"
#include "object/retain.h"
#include "os/die.h"
#include "os/probe.h"

static size_t slots_for(size_t size)
{
	return (size + PN_CHUNK_MASK) >> PN_CHUNK_SHIFT;
}

void *pn_large_alloc(struct pn_heap *heap, size_t size, size_t alignment, bool *is_zeroed)
{
	struct pn_slot_run run = {
		.count = slots_for(size),
		.alignment = alignment > PN_CHUNK_SIZE ? alignment >> PN_CHUNK_SHIFT : 1,
		.is_contiguous = pn_heap_wants_run(heap, slots_for(size)),
	};
	void *object = NULL;

	if (size <= pn_arena.limit && pn_slots_take(heap, &run))
		object = pn_arena_slot_at(run.first);
	*is_zeroed = run.is_zeroed;
	PN_PROBE2(large_alloc, object, size);
	return object;
}

static bool is_unused(const struct pn_slot *slot)
{
	for (size_t i = 0; i < PN_PAGE_WORDS; i++)
		if (~slot->fresh[i])
			return false;
	return true;
}

void pn_large_zero(void *ptr, size_t size)
{
	const struct pn_slot *slot = &pn_arena.slots[pn_arena_offset(ptr) >> PN_CHUNK_SHIFT];

	for (size_t at = 0; at < size; at += PN_CHUNK_SIZE, slot++)
		if (!is_unused(slot))
			memset((char *)ptr + at, 0,
			       size - at < PN_CHUNK_SIZE ? size - at : PN_CHUNK_SIZE);
}

/* Returns true if the last large or medium object that began at @offset was freed. */
static bool was_freed(const struct pn_slot *slot, size_t offset)
{
	if (!(offset & PN_CHUNK_MASK) &&
	    pn_state_is_freed(__atomic_load_n(&slot->object, __ATOMIC_ACQUIRE)))
		return true;
	return slot->state != PN_SLOT_LARGE && slot->state != PN_SLOT_LARGE_TAIL &&
	       pn_medium_was_freed_at(offset);
}

struct pn_object pn_large_find(const void *ptr, const char *caller)
{
	size_t offset = pn_arena_offset(ptr);
	const struct pn_slot *slot;

	if (offset >= pn_arena_size())
		pn_die_invalid(caller, ptr);
	slot = &pn_arena.slots[offset >> PN_CHUNK_SHIFT];
	if (was_freed(slot, offset))
		pn_die_freed(caller, ptr);
	if (slot->state != PN_SLOT_LARGE || offset & PN_CHUNK_MASK)
		pn_die_invalid(caller, ptr);
	return pn_object_of_slots(offset >> PN_CHUNK_SHIFT);
}

static bool is_inherited(const struct pn_slot *slot)
{
	return slot->epoch != pn_arena.epoch;
}

void pn_large_give(void *ptr)
{
	size_t first = pn_arena_offset(ptr) >> PN_CHUNK_SHIFT;
	struct pn_slot *slot = &pn_arena.slots[first];

	pn_assert(!(pn_arena_offset(ptr) & PN_CHUNK_MASK) && slot->state == PN_SLOT_LARGE);
	PN_PROBE2(large_free, ptr, (size_t)slot->run << PN_CHUNK_SHIFT);
	pn_slots_give(slot->heap, first, slot->run);
}

bool pn_large_resize(void *ptr, size_t size)
{
	size_t first = pn_arena_offset(ptr) >> PN_CHUNK_SHIFT;
	struct pn_slot *slot = &pn_arena.slots[first];
	size_t wanted = slots_for(size), run = slot->run;

	if (size <= PN_CHUNK_SIZE || size > pn_arena.limit)
		return false;
	if (wanted > run)
		return !is_inherited(slot) && pn_slots_extend(slot->heap, first, run, wanted - run);
	if (wanted == run)
		return true;
	if (is_inherited(slot)) {
		slot->run = (uint32_t)wanted;
		pn_discard_slots(first + wanted, run - wanted);
	} else {
		pn_slots_shrink(slot->heap, first, wanted);
	}
	return true;
}

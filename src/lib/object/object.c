// SPDX-License-Identifier: MIT
/*
 * Finding objects by pointers into them. Every page of a slab leads to its record;
 * of a medium object only some do, so that one is looked for from the pointer's
 * page downwards, to pages whose numbers in the chunk have ever fewer bits: medium.c.
 */
#include "object/object.h"

#include "object/medium.h"

struct pn_object pn_object_of_slots(size_t first)
{
	struct pn_slot *slot = &pn_arena.slots[first];

	pn_assert(slot->run && first + slot->run <= pn_arena_slot_count());
	return (struct pn_object){
		.offset = first << PN_CHUNK_SHIFT,
		.size = (size_t)slot->run << PN_CHUNK_SHIFT,
		.slot = slot,
		.heap = slot->heap,
		.is_inherited = slot->epoch != pn_arena.epoch,
	};
}

/* The record of the object that covers the byte at @offset, or one that does not. */
static struct pn_slab *find_record(size_t offset)
{
	size_t chunk = offset & ~PN_CHUNK_MASK;
	size_t page = (offset & PN_CHUNK_MASK) >> PN_PAGE_SHIFT;
	struct pn_slab *slab = pn_slab_at(offset);

	while ((!slab || pn_medium_is_gone(slab)) && page) {
		page &= page - 1;
		slab = pn_slab_at(chunk + (page << PN_PAGE_SHIFT));
	}
	return slab;
}

static bool find_in_slab(size_t offset, struct pn_object *object)
{
	struct pn_slab *slab = find_record(offset);
	size_t index;

	if (!slab || pn_medium_is_gone(slab) || offset < slab->offset)
		return false;
	index = pn_slab_index(slab, offset);
	if (index >= slab->count)
		return false;
	pn_object_set(object, slab, index);
	return offset - object->offset < object->size;
}

bool pn_object_find(const void *ptr, struct pn_object *object)
{
	size_t offset = pn_arena_offset(ptr);
	size_t index = offset >> PN_CHUNK_SHIFT;

	if (offset >= pn_arena_size())
		return false;
	switch (__atomic_load_n(&pn_arena.slots[index].state, __ATOMIC_RELAXED)) {
	case PN_SLOT_PAGES:
		return find_in_slab(offset, object);
	case PN_SLOT_LARGE:
		*object = pn_object_of_slots(index);
		return true;
	case PN_SLOT_LARGE_TAIL:
		*object = pn_object_of_slots(index - pn_arena.slots[index].run);
		return true;
	default:
		return false;
	}
}

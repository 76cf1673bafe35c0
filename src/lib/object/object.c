// SPDX-License-Identifier: MIT
/*
 * Finds objects by pointers into them. The table of slabs has an entry for every page of a slab,
 * but only for some pages of a medium object. The search for a medium object begins at the
 * pointer's page and goes to lower pages: each step clears the lowest set bit of the page number in
 * the chunk. set_object_inside() of medium.c says which pages have entries.
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

/*
 * Returns the record of the object that contains the byte at @offset. If there is no such object,
 * the result may be NULL or the record of some other object, and the caller must check.
 */
static struct pn_slab *find_record(size_t offset)
{
	size_t chunk = offset & ~PN_CHUNK_MASK;
	size_t page = (offset & PN_CHUNK_MASK) >> PN_PAGE_SHIFT;
	struct pn_slab *slab = pn_slab_at(offset);

	while ((!slab || pn_medium_is_freed_mark(slab)) && page) {
		page &= page - 1;
		slab = pn_slab_at(chunk + (page << PN_PAGE_SHIFT));
	}
	return slab;
}

bool pn_object_find(const void *ptr, struct pn_object *object)
{
	size_t offset = pn_arena_offset(ptr);
	size_t index = offset >> PN_CHUNK_SHIFT;

	if (offset >= pn_arena_size())
		return false;
	switch (__atomic_load_n(&pn_arena.slots[index].state, __ATOMIC_RELAXED)) {
	case PN_SLOT_PAGES:
		return pn_object_find_in(find_record(offset), offset, object);
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

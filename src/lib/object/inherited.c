// SPDX-License-Identifier: MIT
/*
 * Inherited memory; see inherited.h. The counts that a child inherits are not reliable, because
 * another thread may have been changing them at the fork. Each time that an inherited object is
 * freed, the states of the objects of its slab or chunk, single bytes, are read to find out whether
 * any is live.
 *
 * There is no lock. When two threads free the last two objects, each thread first marks its object
 * as freed and then reads the states, so that at least one of them finds no live object.
 */
#include "object/inherited.h"

#include "chunk/discard.h"
#include "object/medium.h"

_Static_assert(offsetof(struct pn_slab, state) % sizeof(uint64_t) == 0, "states are read by words");

/* The bits of a word of states that are set in neither PN_OBJECT_NEVER nor PN_OBJECT_FREED. */
#define MAYBE_LIVE (~((uint64_t)PN_OBJECT_FREED * 0x0101010101010101u))

/*
 * Returns true if the object's contents may still be needed. An object that was freed while the
 * parent retained it counts as live: in the child, whatever retained the object may still read it.
 */
static bool is_live(uint8_t state)
{
	return state != PN_OBJECT_NEVER && state != PN_OBJECT_FREED;
}

static bool has_live_in_word(const struct pn_slab *slab, size_t word)
{
	const uint64_t *states = (const uint64_t *)(const void *)slab->state;
	uint64_t bytes = __atomic_load_n(&states[word], __ATOMIC_RELAXED);

	if (!(bytes & MAYBE_LIVE))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		if (is_live(slab->state[word * sizeof(bytes) + i]))
			return true;
	return false;
}

/*
 * Returns true if any object of the slab is live. The search begins at @index, because objects are
 * mostly freed in the order of their addresses.
 */
static bool has_live(const struct pn_slab *slab, size_t index)
{
	size_t words = slab->count / sizeof(uint64_t) + 1;

	if (pn_slab_is_medium(slab))
		return is_live(__atomic_load_n(&slab->state[0], __ATOMIC_RELAXED));
	for (size_t i = 0; i < words; i++)
		if (has_live_in_word(slab, (index / sizeof(uint64_t) + i) % words))
			return true;
	return false;
}

static size_t first_page(const struct pn_slab *slab)
{
	return slab->offset >> PN_PAGE_SHIFT;
}

static size_t page_count(const struct pn_slab *slab)
{
	return pn_slab_is_medium(slab) ? slab->pages : pn_classes[slab->class].pages;
}

/*
 * Returns how many pages from @page on are all in use, or all unused, before the chunk's end @end.
 * If @page is part of a slab or medium object with a live object, *is_used is true, and the pages
 * reach to the end of that slab or object. Otherwise *is_used is false, and the pages reach to the
 * next page that is in use.
 */
static size_t count_alike_pages(size_t page, size_t end, bool *is_used)
{
	size_t at = page;

	for (*is_used = false; at < end;) {
		const struct pn_slab *slab = pn_slab_at(at << PN_PAGE_SHIFT);
		bool is_empty = !slab || pn_medium_is_freed_mark(slab);

		if (!is_empty && has_live(slab, 0)) {
			if (at != page)
				break;
			*is_used = true;
			return page_count(slab) - (page - first_page(slab));
		}
		at = is_empty ? at + 1 : first_page(slab) + page_count(slab);
	}
	return (at < end ? at : end) - page;
}

static bool has_no_live_object(size_t slot)
{
	size_t first = slot * PN_CHUNK_PAGES;
	bool is_used;

	return count_alike_pages(first, first + PN_CHUNK_PAGES, &is_used) == PN_CHUNK_PAGES &&
	       !is_used;
}

static void discard_unless_live(const struct pn_slab *slab, size_t index)
{
	size_t slot = slab->offset >> PN_CHUNK_SHIFT;

	if (has_live(slab, index))
		return;
	if (has_no_live_object(slot))
		pn_discard_slots(slot, 1);
	else
		pn_discard_pages(first_page(slab), page_count(slab));
}

void pn_inherited_freed(const struct pn_object *object)
{
	/*
	 * Order the store of the state before the reads of the other states; see the top of this
	 * file.
	 */
	__sync_synchronize();
	if (object->slab)
		discard_unless_live(object->slab, object->index);
	else
		pn_discard_slots(object->offset >> PN_CHUNK_SHIFT, object->slot->run);
}

/* Purging. */

static void purge_pages(size_t slot)
{
	size_t page = slot * PN_CHUNK_PAGES, end = page + PN_CHUNK_PAGES, count;
	bool is_used;

	for (; page < end; page += count) {
		count = count_alike_pages(page, end, &is_used);
		if (!is_used)
			pn_discard_pages(page, count);
	}
}

/*
 * Returns how many slots from @slot on belong together and have no live object; 0 if one is live.
 */
static size_t count_slots_without_live(size_t slot)
{
	const struct pn_slot *at = &pn_arena.slots[slot];

	switch (__atomic_load_n(&at->state, __ATOMIC_RELAXED)) {
	case PN_SLOT_EMPTY:
	case PN_SLOT_LEAVING:
		return 1;
	case PN_SLOT_PAGES:
		return has_no_live_object(slot);
	case PN_SLOT_LARGE:
		return is_live(__atomic_load_n(&at->object, __ATOMIC_RELAXED)) ? 0 : at->run;
	default:
		return 0;
	}
}

static size_t purge_slot(size_t slot)
{
	size_t count = count_slots_without_live(slot);

	if (count)
		pn_discard_slots(slot, count);
	else if (pn_arena.slots[slot].state == PN_SLOT_PAGES)
		purge_pages(slot);
	return count;
}

size_t pn_inherited_purge(void)
{
	size_t count = 0;

	for (size_t slot = 0; pn_arena.epoch && slot < pn_arena_slot_count(); slot++)
		if (pn_arena.slots[slot].state != PN_SLOT_HOLE &&
		    pn_arena.slots[slot].epoch != pn_arena.epoch && !pn_discard_is_done(slot))
			count += purge_slot(slot);
	return count;
}

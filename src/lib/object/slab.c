// SPDX-License-Identifier: MIT
/*
 * Slabs: their records, bits and lists, and how slabs are made and unmade.
 *
 * A slab with free objects is in the list of its owner or, if it is unowned, of its class. A full
 * slab is in no list; the arena's table of slabs finds it when an object is returned. A slab that
 * becomes empty gives its pages back, unless it is the last one in its list: the next allocation
 * needs that slab. Such a slab stays until pn_slab_unmake_empty_locked() gives its pages back.
 */
#include "object/slab.h"

#include <string.h>

#include "chunk/pages.h"
#include "object/marks.h"
#include "os/meta.h"
#include "os/probe.h"
#include "os/random.h"

/*
 * Returns the bytes of the states of @count objects. There is one state more than there are
 * objects: no object is ever live after the last one.
 */
static size_t state_size(size_t count)
{
	return pn_round_up(count + 1, sizeof(uint64_t));
}

/* Returns how many words contain one bit for each of @count objects. */
static size_t words_for(size_t count)
{
	return (count + 63) / 64;
}

static uint64_t *free_bits(struct pn_slab *slab)
{
	return (uint64_t *)(void *)(slab->state + state_size(slab->count));
}

static uint64_t *returned_bits(struct pn_slab *slab)
{
	return free_bits(slab) + words_for(slab->count);
}

bool pn_slab_has_free(const struct pn_slab *slab, size_t index)
{
	const uint64_t *bits =
		(const uint64_t *)(const void *)(slab->state + state_size(slab->count));

	return index < slab->count && bits[index / 64] >> (index % 64) & 1;
}

/* Returns true if the free bits, @free, @scan and the states agree. */
PN_UNUSED_IN_RELEASE static bool is_valid(struct pn_slab *slab)
{
	const uint64_t *bits = free_bits(slab);
	size_t count = 0;

	for (size_t i = 0; i < words_for(slab->count) * 64; i++) {
		if (!(bits[i / 64] >> (i % 64) & 1))
			continue;
		count++;
		if (i >= slab->count || i / 64 < slab->scan ||
		    (pn_slab_state(slab, i) != PN_OBJECT_NEVER &&
		     pn_slab_state(slab, i) != PN_OBJECT_FREED))
			return false;
	}
	return count == slab->free && slab->count == pn_classes[slab->class].count;
}

/* Returns true if the table of slabs contains @slab for each of the slab's pages. */
PN_UNUSED_IN_RELEASE static bool is_in_table(const struct pn_slab *slab)
{
	for (size_t i = 0; i < pn_classes[slab->class].pages; i++)
		if (pn_slab_at(slab->offset + (i << PN_PAGE_SHIFT)) != slab)
			return false;
	return true;
}

/* The store is atomic because the census reads @free without a lock. */
static void set_free(struct pn_slab *slab, size_t count)
{
	pn_assert(count <= slab->count);
	__atomic_store_n(&slab->free, (uint16_t)count, __ATOMIC_RELAXED);
}

/* Lists of slabs. */

void pn_slab_push(struct pn_slab **list, struct pn_slab *slab)
{
	pn_assert(slab->free && slab != *list);
	slab->prev = NULL;
	slab->next = *list;
	if (*list)
		(*list)->prev = slab;
	*list = slab;
}

void pn_slab_remove(struct pn_slab **list, struct pn_slab *slab)
{
	pn_assert((slab->prev ? slab->prev->next : *list) == slab);
	pn_assert(!slab->next || slab->next->prev == slab);
	if (slab->prev)
		slab->prev->next = slab->next;
	else
		*list = slab->next;
	if (slab->next)
		slab->next->prev = slab->prev;
}

/* Making and unmaking slabs. */

static struct pn_slab *take_record(struct pn_central *central, const struct pn_class *class)
{
	struct pn_slab *record = central->spare;
	size_t size = offsetof(struct pn_slab, state) + state_size(class->count) +
		      2 * words_for(class->count) * 8;

	if (!record)
		return pn_meta_alloc(size);
	central->spare = record->next;
	/* A forked child that sees the record cleared must see that no table entry leads to it. */
	pn_child_order_writes();
	memset(record, 0, size);
	return record;
}

static void give_record(struct pn_central *central, struct pn_slab *record)
{
	record->next = central->spare;
	central->spare = record;
}

static void set_slab_of_pages(size_t offset, size_t pages, struct pn_slab *slab)
{
	for (size_t i = 0; i < pages; i++)
		__atomic_store_n(&pn_arena.slabs[(offset >> PN_PAGE_SHIFT) + i], slab,
				 __ATOMIC_RELEASE);
}

static void set_all_free(struct pn_slab *slab)
{
	uint64_t *bits = free_bits(slab);
	size_t whole = slab->count / 64u;

	memset(bits, 0xff, whole * sizeof(*bits));
	if (slab->count % 64)
		bits[whole] = ((uint64_t)1 << (slab->count % 64)) - 1;
	set_free(slab, slab->count);
}

/*
 * Returns the offset of the first object in a new slab. Staggered objects do not fill their slab's
 * pages, so each new slab begins its first object at another cache line. Otherwise the objects at
 * the same place of many slabs would compete for the same cache sets. One cache line before the
 * first object is always left free.
 */
static size_t next_colour(struct pn_central *central, const struct pn_class *class)
{
	size_t spare = class->pages * PN_PAGE_SIZE - (size_t) class->count * class->pitch;

	if (class->pitch == class->size)
		return 0;
	pn_assert(spare >= PN_CACHE_LINE);
	return (central->colour++ % (spare / PN_CACHE_LINE) + 1) * PN_CACHE_LINE;
}

/* Takes a page run for a slab. Returns its first page, or SIZE_MAX if there is no memory. */
static size_t take_pages(struct pn_heap *heap, const struct pn_class *class)
{
	bool is_zeroed;
	size_t page;

	if (!pn_arena_lock_inside())
		return SIZE_MAX;
	page = pn_pages_take_locked(heap, class->pages, class->alignment, &is_zeroed);
	pn_arena_unlock();
	return page;
}

/*
 * Fills in a record. The slab enters the table last, so that look-ups find only complete records.
 */
static void set_up(struct pn_slab *slab, struct pn_heap *heap, unsigned int index, size_t offset)
{
	const struct pn_class *class = &pn_classes[index];

	slab->offset = offset;
	slab->magic = class->magic;
	slab->pitch = class->pitch;
	slab->size = class->size;
	slab->class = (uint16_t)index;
	slab->heap = heap;
	slab->count = class->count;
	slab->epoch = pn_arena.epoch;
	set_all_free(slab);
	if (heap == &pn_heap && pn_marks.unused_is_zero)
		memset(pn_arena_at(offset & ~(PN_PAGE_SIZE - 1)), 0, class->pages << PN_PAGE_SHIFT);
	if (heap == &pn_heap && pn_slab_has_gaps(slab))
		pn_marks_fill_gaps(slab->offset, slab->size, slab->count);
	set_slab_of_pages(offset, class->pages, slab);
	pn_assert(slab->offset % PN_PAGE_SIZE + (size_t)slab->count * slab->pitch <=
		  class->pages * PN_PAGE_SIZE);
	pn_assert_slow(is_valid(slab) && is_in_table(slab));
	PN_PROBE3(slab_make, slab->size, pn_arena_at(offset), slab->count);
}

struct pn_slab *pn_slab_make_locked(struct pn_heap *heap, unsigned int index,
				    struct pn_owner *owner)
{
	const struct pn_class *class = &pn_classes[index];
	struct pn_central *central = &heap->centrals[index];
	struct pn_slab *slab;
	size_t page;

	pn_lock_assert_held(&central->lock);
	slab = take_record(central, class);
	if (!slab)
		return NULL;
	page = take_pages(heap, class);
	if (page == SIZE_MAX) {
		give_record(central, slab);
		return NULL;
	}
	slab->owner = owner;
	slab->fast_owner = pn_class_has_gaps(index) ? NULL : owner;
	set_up(slab, heap, index, (page << PN_PAGE_SHIFT) + next_colour(central, class));
	return slab;
}

void pn_slab_unmake_locked(struct pn_slab *slab)
{
	size_t pages = pn_classes[slab->class].pages;
	struct pn_heap *heap = slab->heap;

	pn_lock_assert_held(&heap->centrals[slab->class].lock);
	pn_assert(slab->free + slab->returned == slab->count);
	/* In a child that was forked between the free and here, the slab is inherited. */
	if (slab->epoch != pn_arena.epoch)
		return;
	pn_assert_slow(is_valid(slab) && is_in_table(slab));
	PN_PROBE2(slab_unmake, slab->size, pn_arena_at(slab->offset));
	set_slab_of_pages(slab->offset, pages, NULL);
	/* Without the lock, this is a new child, which never reuses inherited pages anyway. */
	if (!pn_arena_lock_inside())
		return;
	pn_pages_give_locked(heap, slab->offset >> PN_PAGE_SHIFT, pages);
	pn_arena_unlock();
	give_record(&heap->centrals[slab->class], slab);
}

bool pn_slab_unmake_empty_locked(struct pn_central *central, struct pn_slab **list)
{
	bool was_any = false;

	pn_lock_assert_held(&central->lock);
	for (struct pn_slab *slab = *list, *next; slab; slab = next) {
		next = slab->next;
		if (slab->free < slab->count)
			continue;
		pn_slab_remove(list, slab);
		pn_slab_unmake_locked(slab);
		was_any = true;
	}
	return was_any;
}

/* Objects. */

static struct pn_free free_object(struct pn_slab *slab, size_t index)
{
	pn_assert(index < slab->count);
	pn_assert(pn_slab_state(slab, index) == PN_OBJECT_NEVER ||
		  pn_slab_state(slab, index) == PN_OBJECT_FREED);
	return (struct pn_free){
		.object = pn_arena_at(slab->offset + index * slab->pitch),
		.state = &slab->state[index],
	};
}

/*
 * Takes the @count free objects with the lowest addresses. The cache is a stack: the lowest address
 * comes last, to be popped first.
 */
static void take_lowest(struct pn_slab *slab, struct pn_free *objects, size_t count)
{
	uint64_t *bits = free_bits(slab);
	size_t word = slab->scan;

	while (count) {
		uint64_t rest = bits[word];

		for (; rest && count; rest &= rest - 1)
			objects[--count] =
				free_object(slab, word * 64 + (size_t)__builtin_ctzll(rest));
		bits[word] = rest;
		word += !rest && count;
	}
	slab->scan = (uint16_t)word;
}

/* Returns the first free object at or after a random index; the search wraps around. */
static size_t random_free(const struct pn_slab *slab, const uint64_t *bits)
{
	size_t index = pn_random_below(slab->count), word = index / 64;
	uint64_t rest = bits[word] & (~(uint64_t)0 << (index % 64));

	while (!rest) {
		word = word + 1 < words_for(slab->count) ? word + 1 : 0;
		rest = bits[word];
	}
	return word * 64 + (size_t)__builtin_ctzll(rest);
}

static void take_random(struct pn_slab *slab, struct pn_free *objects, size_t count)
{
	uint64_t *bits = free_bits(slab);

	while (count) {
		size_t index = random_free(slab, bits);

		bits[index / 64] &= ~((uint64_t)1 << (index % 64));
		objects[--count] = free_object(slab, index);
	}
}

size_t pn_slab_take_from(struct pn_slab *slab, struct pn_free *objects, size_t wanted)
{
	size_t count = slab->free < wanted ? slab->free : wanted;

	if (pn_random_is_on)
		take_random(slab, objects, count);
	else
		take_lowest(slab, objects, count);
	set_free(slab, slab->free - count);
	pn_assert_slow(is_valid(slab));
	return count;
}

/* Updates the list after objects of a slab have become free; see pn_slab_put(). */
static bool update_list(struct pn_slab **list, struct pn_slab *slab, bool was_full)
{
	bool is_only;

	if (was_full)
		pn_slab_push(list, slab);
	is_only = *list == slab && !slab->next;
	if (slab->free < slab->count || is_only)
		return false;
	pn_slab_remove(list, slab);
	return true;
}

bool pn_slab_put(struct pn_slab **list, struct pn_slab *slab, const uint8_t *state)
{
	size_t index = (size_t)(state - slab->state);
	bool was_full = !slab->free;

	pn_assert(index < slab->count && !(free_bits(slab)[index / 64] >> (index % 64) & 1));
	free_bits(slab)[index / 64] |= (uint64_t)1 << (index % 64);
	if (index / 64 < slab->scan)
		slab->scan = (uint16_t)(index / 64);
	set_free(slab, slab->free + 1u);
	return update_list(list, slab, was_full);
}

void pn_slab_put_returned_locked(struct pn_slab *slab, const struct pn_free *objects, size_t count)
{
	uint64_t *returned = returned_bits(slab);

	pn_lock_assert_held(&slab->heap->centrals[slab->class].lock);
	for (size_t i = 0; i < count; i++) {
		size_t index = (size_t)(objects[i].state - slab->state);

		pn_assert(index < slab->count && !(returned[index / 64] >> (index % 64) & 1));
		returned[index / 64] |= (uint64_t)1 << (index % 64);
	}
	slab->returned = (uint16_t)(slab->returned + count);
}

bool pn_slab_collect_locked(struct pn_slab **list, struct pn_slab *slab)
{
	uint64_t *bits = free_bits(slab), *returned = returned_bits(slab);
	bool was_full = !slab->free;

	pn_lock_assert_held(&slab->heap->centrals[slab->class].lock);
	for (size_t i = 0; i < words_for(slab->count); i++) {
		bits[i] |= returned[i];
		returned[i] = 0;
	}
	slab->scan = 0;
	set_free(slab, slab->free + (size_t)slab->returned);
	slab->returned = 0;
	return update_list(list, slab, was_full);
}

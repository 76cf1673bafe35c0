// SPDX-License-Identifier: MIT
/*
 * Slabs and the central lists, one for each class with a lock of its own.
 *
 * A slab with room is in its class's list; a full one is found again by the
 * arena's table when an object comes back. The pages of one that becomes empty
 * go back, unless it is the last with room: the next allocation needs it.
 */
#include "object/slab.h"

#include <string.h>

#include "chunk/pages.h"
#include "os/meta.h"
#include "os/probe.h"
#include "os/random.h"

/* One more than there are objects: where another would begin nothing is ever live. */
static size_t state_size(const struct pn_class *class)
{
	return pn_round_up(class->count + 1u, sizeof(uint64_t));
}

static size_t free_words(const struct pn_class *class)
{
	return (class->count + 63u) / 64;
}

static uint64_t *free_bits(struct pn_slab *slab)
{
	return (uint64_t *)(void *)(slab->state + state_size(&pn_classes[slab->class]));
}

/* Returns true if the bits, the count of free objects, the hint and the states agree. */
PN_UNUSED_IN_RELEASE static bool is_valid(struct pn_slab *slab)
{
	const uint64_t *bits = free_bits(slab);
	size_t count = 0;

	for (size_t i = 0; i < free_words(&pn_classes[slab->class]) * 64; i++) {
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

/* Returns true if all pages of the slab lead to it. */
PN_UNUSED_IN_RELEASE static bool is_in_table(const struct pn_slab *slab)
{
	for (size_t i = 0; i < pn_classes[slab->class].pages; i++)
		if (pn_slab_at(slab->offset + (i << PN_PAGE_SHIFT)) != slab)
			return false;
	return true;
}

/* The list of slabs with room. */

static void list_push(struct pn_central *central, struct pn_slab *slab)
{
	pn_assert(slab->free && slab != central->partial);
	pn_assert(pn_lock_is_held(&central->lock));
	slab->prev = NULL;
	slab->next = central->partial;
	if (central->partial)
		central->partial->prev = slab;
	central->partial = slab;
}

static void list_remove(struct pn_central *central, struct pn_slab *slab)
{
	pn_assert((slab->prev ? slab->prev->next : central->partial) == slab);
	pn_assert(!slab->next || slab->next->prev == slab);
	if (slab->prev)
		slab->prev->next = slab->next;
	else
		central->partial = slab->next;
	if (slab->next)
		slab->next->prev = slab->prev;
}

/* Making and unmaking slabs. */

static struct pn_slab *take_record(struct pn_central *central, const struct pn_class *class)
{
	struct pn_slab *record = central->spare;
	size_t size = offsetof(struct pn_slab, state) + state_size(class) + free_words(class) * 8;

	if (!record)
		return pn_meta_alloc(size);
	central->spare = record->next;
	/* A forked child that sees the record empty must see that no page leads to it any more. */
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

	for (size_t i = 0; i < slab->count; i++)
		bits[i / 64] |= (uint64_t)1 << (i % 64);
	slab->free = slab->count;
}

/*
 * Staggered objects do not fill their slab's pages. The first begins at another
 * cache line in each, or those at the same place of many slabs would collide.
 */
static size_t next_colour(struct pn_central *central, const struct pn_class *class)
{
	size_t spare = class->pages * PN_PAGE_SIZE - (size_t) class->count * class->pitch;

	if (class->pitch == class->size)
		return 0;
	return central->colour++ % (spare / PN_CACHE_LINE + 1) * PN_CACHE_LINE;
}

static struct pn_slab *make_slab(struct pn_heap *heap, unsigned int index)
{
	const struct pn_class *class = &pn_classes[index];
	struct pn_central *central = &heap->centrals[index];
	struct pn_slab *slab = take_record(central, class);
	size_t page = SIZE_MAX;
	bool is_zeroed;

	if (!slab)
		return NULL;
	if (pn_arena_lock_inside()) {
		page = pn_pages_take_locked(heap, class->pages, class->alignment, &is_zeroed);
		pn_arena_unlock();
	}
	if (page == SIZE_MAX) {
		give_record(central, slab);
		return NULL;
	}
	slab->offset = (page << PN_PAGE_SHIFT) + next_colour(central, class);
	slab->magic = class->magic;
	slab->pitch = class->pitch;
	slab->size = class->size;
	slab->class = (uint16_t)index;
	slab->bin = (uint16_t)(heap == &pn_heap ? index : PN_BIN_NONE);
	slab->heap = heap;
	slab->count = class->count;
	slab->epoch = pn_arena.epoch;
	set_all_free(slab);
	set_slab_of_pages(slab->offset, class->pages, slab);
	list_push(central, slab);
	pn_assert(slab->offset % PN_PAGE_SIZE + (size_t)slab->count * slab->pitch <=
		  class->pages * PN_PAGE_SIZE);
	pn_assert_slow(is_valid(slab) && is_in_table(slab));
	PN_PROBE3(slab_make, slab->size, pn_arena_at(slab->offset), slab->count);
	return slab;
}

static void unmake_slab(struct pn_heap *heap, struct pn_central *central, struct pn_slab *slab)
{
	size_t pages = pn_classes[slab->class].pages;

	pn_assert(slab->free == slab->count && slab->epoch == pn_arena.epoch);
	pn_assert_slow(is_valid(slab) && is_in_table(slab));
	PN_PROBE2(slab_unmake, slab->size, pn_arena_at(slab->offset));
	list_remove(central, slab);
	set_slab_of_pages(slab->offset, pages, NULL);
	/* A child that will be settled next leaves the pages alone anyway. */
	if (!pn_arena_lock_inside())
		return;
	pn_pages_give_locked(heap, slab->offset >> PN_PAGE_SHIFT, pages);
	pn_arena_unlock();
	give_record(central, slab);
}

/* The next allocation needs it. */
static bool is_worth_keeping(const struct pn_central *central, const struct pn_slab *slab)
{
	return central->partial == slab && !slab->next;
}

/* Objects. */

static size_t lowest_free(struct pn_slab *slab, const uint64_t *bits)
{
	while (!bits[slab->scan])
		slab->scan++;
	return slab->scan * 64u + (size_t)__builtin_ctzll(bits[slab->scan]);
}

/* The next one from some place on. */
static size_t random_free(const struct pn_slab *slab, const uint64_t *bits)
{
	size_t index = pn_random_below(slab->count), word = index / 64;
	uint64_t rest = bits[word] & (~(uint64_t)0 << (index % 64));

	while (!rest) {
		word = word + 1 < (slab->count + 63u) / 64 ? word + 1 : 0;
		rest = bits[word];
	}
	return word * 64 + (size_t)__builtin_ctzll(rest);
}

static size_t take_from_slab(struct pn_slab *slab, struct pn_free *objects, size_t wanted)
{
	uint64_t *bits = free_bits(slab);
	size_t count = slab->free < wanted ? slab->free : wanted;

	for (size_t got = count; got; got--) {
		size_t index = pn_random_is_on ? random_free(slab, bits) : lowest_free(slab, bits);

		pn_assert(index < slab->count && bits[index / 64] >> (index % 64) & 1);
		pn_assert(pn_slab_state(slab, index) == PN_OBJECT_NEVER ||
			  pn_slab_state(slab, index) == PN_OBJECT_FREED);
		bits[index / 64] &= ~((uint64_t)1 << (index % 64));
		/* The cache is a stack: what comes out of it first has the lowest address. */
		objects[got - 1] = (struct pn_free){
			.object = pn_arena_at(slab->offset + index * slab->pitch),
			.state = &slab->state[index],
		};
	}
	slab->free -= (uint16_t)count;
	pn_assert_slow(is_valid(slab));
	return count;
}

size_t pn_slab_take(struct pn_heap *heap, unsigned int class, struct pn_free *objects,
		    size_t wanted)
{
	struct pn_central *central = &heap->centrals[class];
	size_t got = 0;

	pn_lock(&central->lock);
	while (got < wanted) {
		struct pn_slab *slab;

		slab = central->partial;
		/* A new slab only for the first object: a batch need not be full. */
		if (!slab && !got)
			slab = make_slab(heap, class);
		if (!slab)
			break;
		pn_assert(slab->free && slab->heap == heap && slab->class == class);
		got += take_from_slab(slab, objects + got, wanted - got);
		if (!slab->free)
			list_remove(central, slab);
	}
	central->out += got;
	pn_unlock(&central->lock);
	return got;
}

static void give_one(struct pn_heap *heap, struct pn_central *central, const struct pn_free *object)
{
	struct pn_slab *slab = pn_slab_at(pn_arena_offset(object->object));
	size_t index = (size_t)(object->state - slab->state);

	/* The process was forked between the free and here. */
	if (slab->epoch != pn_arena.epoch)
		return;
	pn_assert(slab->heap == heap && central == &heap->centrals[slab->class]);
	pn_assert(index < slab->count && central->out);
	pn_assert(pn_slab_is_start(slab, index, pn_arena_offset(object->object)));
	pn_assert(pn_free_is_valid(object));
	pn_assert(!(free_bits(slab)[index / 64] >> (index % 64) & 1));
	central->out--;

	free_bits(slab)[index / 64] |= (uint64_t)1 << (index % 64);
	if (index / 64 < slab->scan)
		slab->scan = (uint16_t)(index / 64);
	slab->free++;
	pn_assert(slab->free <= slab->count);
	if (slab->free == 1)
		list_push(central, slab);
	if (slab->free == slab->count && !is_worth_keeping(central, slab))
		unmake_slab(heap, central, slab);
}

void pn_slab_give(struct pn_heap *heap, unsigned int class, const struct pn_free *objects,
		  size_t count)
{
	struct pn_central *central = &heap->centrals[class];

	pn_lock(&central->lock);
	for (size_t i = 0; i < count; i++)
		give_one(heap, central, &objects[i]);
	pn_unlock(&central->lock);
}

/* Figures and fork. */

uint64_t pn_slab_bytes_out(struct pn_heap *heap)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < PN_CLASSES; i++) {
		if (!pn_lock_inside(&heap->centrals[i].lock))
			break;
		bytes += heap->centrals[i].out * pn_classes[i].size;
		pn_unlock(&heap->centrals[i].lock);
	}
	return bytes;
}

/* Unlocks the first @count classes. */
static void unlock_some(struct pn_heap *heap, size_t count)
{
	while (count)
		pn_unlock(&heap->centrals[--count].lock);
}

bool pn_slab_lock_all(struct pn_heap *heap)
{
	for (size_t i = 0; i < PN_CLASSES; i++)
		if (!pn_lock_inside(&heap->centrals[i].lock)) {
			unlock_some(heap, i);
			return false;
		}
	return true;
}

void pn_slab_unlock_all(struct pn_heap *heap)
{
	unlock_some(heap, PN_CLASSES);
}

void pn_slab_in_child(struct pn_heap *heap)
{
	for (size_t i = 0; i < PN_CLASSES; i++) {
		pn_lock_reset(&heap->centrals[i].lock);
		heap->centrals[i].partial = NULL;
		heap->centrals[i].spare = NULL;
		heap->centrals[i].out = 0;
	}
}

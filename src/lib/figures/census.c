// SPDX-License-Identifier: MIT
/*
 * Counting a heap; see census.h. src/tools/pinnedctl counts the heaps of another process in the
 * same way.
 */
#include "figures/census.h"

static bool is_inherited(const struct pn_slot *slot)
{
	return slot->epoch != pn_arena.epoch;
}

static void count_slab(struct pn_census *census, const struct pn_slab *slab)
{
	struct pn_census_class *class = &census->classes[slab->class];

	class->slabs++;
	class->objects += slab->count;
	class->out += (uint64_t)slab->count - __atomic_load_n(&slab->free, __ATOMIC_RELAXED) -
		      slab->returned;
}

/*
 * Counts the slabs of a chunk. The table leads to a slab's record from each of the slab's pages,
 * and a slab lies in one chunk. A record without objects stands for a medium object that was freed
 * (medium.c).
 */
static void count_slabs(struct pn_census *census, size_t slot)
{
	const struct pn_slab *last = NULL;

	for (size_t page = slot * PN_CHUNK_PAGES; page < (slot + 1) * PN_CHUNK_PAGES; page++) {
		const struct pn_slab *slab = pn_arena.slabs[page];

		if (slab && slab != last && slab->count && !pn_slab_is_medium(slab))
			count_slab(census, slab);
		last = slab;
	}
}

/* Counts what threads cache. Only objects of the default heap are cached. */
static void count_cached(struct pn_census *census)
{
	struct pn_tcache_census cached;

	pn_tcache_count(&cached);
	for (size_t i = 0; i < PN_CLASSES; i++)
		census->classes[i].cached = cached.objects[i];
	census->figures.caches = cached.caches;
	census->figures.medium_cached_bytes = cached.medium_bytes;
	census->figures.cached_bytes = cached.medium_bytes;
}

/*
 * Counts the chunks and slabs of a heap. The caller holds the locks of the heap's classes and of
 * the arena.
 */
static void count_chunks(struct pn_census *census, const struct pn_heap *heap)
{
	pn_figures_of_heap(&census->figures, heap, &heap->stats);
	for (size_t i = 0; i < pn_arena_slot_count(); i++) {
		const struct pn_slot *slot = &pn_arena.slots[i];

		if (slot->state == PN_SLOT_PAGES && slot->heap == heap && !is_inherited(slot))
			count_slabs(census, i);
	}
}

static void sum_up(struct pn_census *census)
{
	struct pn_heap_figures *figures = &census->figures;

	figures->object_bytes = figures->medium_bytes + figures->large_bytes;
	for (size_t i = 0; i < PN_CLASSES; i++) {
		figures->object_bytes += census->classes[i].out * pn_classes[i].size;
		figures->cached_bytes += census->classes[i].cached * pn_classes[i].size;
	}
}

static void count_heap(struct pn_census *census, struct pn_heap *heap)
{
	const struct pn_heap_stats nothing = { 0 };

	*census = (struct pn_census){ .memory = heap->pool.memory };
	pn_figures_of_heap(&census->figures, heap, &nothing);
	if (pn_central_lock_all(heap)) {
		if (pn_arena_lock_inside()) {
			count_chunks(census, heap);
			pn_arena_unlock();
		}
		pn_central_unlock_all(heap);
	}
	if (heap == &pn_heap)
		count_cached(census);
	sum_up(census);
}

bool pn_census_take(struct pn_census *census, size_t number)
{
	struct pn_heap *heap;
	bool is_there = false;

	pn_heaps_lock();
	pn_heaps_for_each(heap) {
		is_there = !number--;
		if (!is_there)
			continue;
		count_heap(census, heap);
		break;
	}
	pn_heaps_unlock();
	return is_there;
}

static uint16_t count_free(const struct pn_slot *slot)
{
	int count = 0;

	for (size_t i = 0; i < PN_PAGE_WORDS; i++)
		count += __builtin_popcountll(slot->free[i]);
	return (uint16_t)count;
}

void pn_census_take_slots(struct pn_census_slot *slots, size_t first, size_t count)
{
	pn_arena_lock();
	for (size_t i = 0; i < count; i++) {
		const struct pn_slot *slot = &pn_arena.slots[first + i];

		slots[i] = (struct pn_census_slot){
			.state = slot->state,
			.is_inherited = slot->state != PN_SLOT_HOLE && is_inherited(slot),
			.free_pages = count_free(slot),
			.longest = slot->longest,
			.run = slot->run,
		};
	}
	pn_arena_unlock();
}

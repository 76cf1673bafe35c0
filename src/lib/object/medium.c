// SPDX-License-Identifier: MIT
/*
 * Medium objects. If the page run is longer than the object, the object begins some cache lines
 * after the run's first byte, at a different line each time. Like staggering in classes, this keeps
 * the first words of many objects out of the same few cache sets. For objects of up to a quarter
 * MiB the page run is made long enough for 16 such places.
 */
#include "object/medium.h"

#include "chunk/idle.h"
#include "chunk/pages.h"
#include "os/meta.h"

#define STAGGER_ROOM ((size_t)16 * PN_CACHE_LINE)
#define STAGGER_MAX ((size_t)256 << 10)

static size_t pages_for(size_t size)
{
	return (size + PN_PAGE_SIZE - 1) >> PN_PAGE_SHIFT;
}

size_t pn_medium_pages(size_t size)
{
	return pages_for(size <= STAGGER_MAX ? size + STAGGER_ROOM : size);
}

unsigned int pn_medium_bin(size_t pages)
{
	unsigned int log = 63 - (unsigned int)__builtin_clzll(pages);

	return 4 * (log - 3) + ((pages >> (log - 2)) & 3);
}

size_t pn_medium_bin_pages(unsigned int bin)
{
	return ((size_t)(4 + bin % 4 + 1) << (bin / 4 + 1)) - 1;
}

/* Records. The arena's lock is held. */

static struct pn_slab *take_record_locked(struct pn_heap *heap)
{
	struct pn_slab *record = heap->spare;

	pn_arena_assert_held();
	if (!record)
		return pn_meta_alloc(offsetof(struct pn_slab, state) + 1);
	heap->spare = record->next;
	/* A forked child that sees the record changed must see that no table entry leads to it. */
	pn_child_order_writes();
	return record;
}

static void give_record_locked(struct pn_heap *heap, struct pn_slab *record)
{
	pn_arena_assert_held();
	record->next = heap->spare;
	heap->spare = record;
}

static size_t first_page(const struct pn_slab *object)
{
	return object->offset >> PN_PAGE_SHIFT;
}

/*
 * Marks of freed objects: records without an object, one for each cache line of a page. When an
 * object is freed, the table of slabs gets, for its first page, the mark of the cache line at which
 * the object began. Marks distinguish a double free from a free of an address that was never handed
 * out. All their bytes are zeros, so free() never takes a mark for a live object.
 */
static char freed_marks[PN_PAGE_SIZE / PN_CACHE_LINE + 1][PN_CACHE_LINE]
	__attribute__((aligned(PN_CACHE_LINE)));

static struct pn_slab *freed_mark_at(size_t offset)
{
	return (struct pn_slab *)(void *)freed_marks[offset % PN_PAGE_SIZE / PN_CACHE_LINE];
}

bool pn_medium_was_freed_at(size_t offset)
{
	return !(offset % PN_CACHE_LINE) && pn_slab_at(offset) == freed_mark_at(offset);
}

static void set_object_of_page(size_t page, struct pn_slab *object)
{
	__atomic_store_n(&pn_arena.slabs[page], object, __ATOMIC_RELEASE);
}

/*
 * Sets the object's entries in the table of slabs to @to, except for the object's first page, and
 * only for pages of the arena from @from up to @end. An object has an entry at each page from which
 * the next step of find_record() in object.c would go below the object: at most nine pages. (The
 * pages of a chunk form a binary indexed tree, and these pages are the nodes that cover the first
 * page.)
 */
static void set_object_inside(const struct pn_slab *object, size_t from, size_t end,
			      struct pn_slab *to)
{
	size_t first = first_page(object);
	size_t chunk = first & ~(PN_CHUNK_PAGES - 1);
	size_t page = first - chunk;

	for (size_t bit = page & -page; bit && chunk + page + bit < end; bit = page & -page) {
		page += bit;
		if (chunk + page >= from)
			set_object_of_page(chunk + page, to);
	}
}

/* The caller holds the arena's lock. */
static void set_length(struct pn_slab *object, size_t pages)
{
	size_t colour = object->offset & (PN_PAGE_SIZE - 1);

	pn_assert(pages && first_page(object) % PN_CHUNK_PAGES + pages <= PN_CHUNK_PAGES);
	pn_assert(colour < pages << PN_PAGE_SHIFT);
	object->pages = (uint16_t)pages;
	object->size = (uint32_t)((pages << PN_PAGE_SHIFT) - colour);
}

static size_t next_colour(struct pn_heap *heap, size_t spare)
{
	size_t places = spare / PN_CACHE_LINE + 1;

	if (places > PN_PAGE_SIZE / PN_CACHE_LINE)
		places = PN_PAGE_SIZE / PN_CACHE_LINE;
	return heap->colour++ % places * PN_CACHE_LINE;
}

static void set_object(struct pn_slab *object, struct pn_heap *heap, size_t page, size_t pages,
		       size_t colour)
{
	*object = (struct pn_slab){
		.offset = (page << PN_PAGE_SHIFT) + colour,
		.count = 1,
		.epoch = pn_arena.epoch,
		.heap = heap,
	};
	object->state[0] = PN_OBJECT_LIVE;
	set_length(object, pages);
	pn_assert(!pn_slab_at(page << PN_PAGE_SHIFT) ||
		  pn_medium_is_freed_mark(pn_slab_at(page << PN_PAGE_SHIFT)));
	set_object_of_page(page, object);
	set_object_inside(object, page, page + pages, object);
	heap->stats.medium_bytes += object->size;
}

/* The interface. */

void *pn_medium_alloc(struct pn_heap *heap, size_t size, size_t alignment, bool *is_zeroed)
{
	bool is_staggered = alignment <= PN_CACHE_LINE;
	size_t pages = is_staggered ? pn_medium_pages(size) : pages_for(size);
	size_t page = SIZE_MAX, spare = is_staggered ? (pages << PN_PAGE_SHIFT) - size : 0;
	struct pn_slab *object;

	pn_arena_lock();
	object = take_record_locked(heap);
	if (object)
		page = pn_pages_take_locked(heap, pages, pages_for(alignment), is_zeroed);
	if (page != SIZE_MAX)
		set_object(object, heap, page, pages, next_colour(heap, spare));
	else if (object)
		give_record_locked(heap, object);
	pn_arena_unlock();
	pn_idle_tidy(heap);
	return page == SIZE_MAX ? NULL : pn_arena_at(object->offset);
}

void *pn_medium_alloc_at_end(struct pn_heap *heap, size_t size, bool *is_zeroed)
{
	size_t pages = pages_for(size), page = SIZE_MAX;
	struct pn_slab *object;

	pn_assert(heap->is_guarded && size && size <= PN_CHUNK_SIZE);
	pn_arena_lock();
	object = take_record_locked(heap);
	if (object)
		page = pn_pages_take_locked(heap, PN_CHUNK_PAGES, 1, is_zeroed);
	if (page != SIZE_MAX)
		set_object(object, heap, page + PN_CHUNK_PAGES - pages, pages,
			   (pages << PN_PAGE_SHIFT) - size);
	else if (object)
		give_record_locked(heap, object);
	pn_arena_unlock();
	pn_idle_tidy(heap);
	return page == SIZE_MAX ? NULL : pn_arena_at(object->offset);
}

/* Gives back the pages of an object; those of a guarded object are a whole chunk. */
static void give_pages_locked(struct pn_heap *heap, const struct pn_slab *object)
{
	size_t first = first_page(object);

	pn_arena_assert_held();
	if (heap->is_guarded)
		pn_pages_give_locked(heap, first & ~(PN_CHUNK_PAGES - 1), PN_CHUNK_PAGES);
	else
		pn_pages_give_locked(heap, first, object->pages);
}

static void free_locked(struct pn_heap *heap, struct pn_slab *object)
{
	pn_arena_assert_held();
	pn_assert(pn_slab_is_medium(object) && object->count == 1);
	pn_assert(pn_slab_state(object, 0) == PN_OBJECT_FREED);
	pn_assert(pn_slab_at(object->offset) == object && heap->stats.medium_bytes >= object->size);
	heap->stats.medium_bytes -= object->size;
	set_object_of_page(first_page(object), freed_mark_at(object->offset));
	set_object_inside(object, first_page(object), first_page(object) + object->pages, NULL);
	give_pages_locked(heap, object);
	give_record_locked(heap, object);
}

void pn_medium_free(void *ptr)
{
	struct pn_slab *object = pn_slab_at(pn_arena_offset(ptr));
	struct pn_heap *heap = object->heap;

	pn_arena_lock();
	/* Otherwise the process was forked between the free and here. */
	if (object->epoch == pn_arena.epoch)
		free_locked(heap, object);
	pn_arena_unlock();
	pn_idle_tidy(heap);
}

static bool resize_locked(struct pn_slab *object, size_t pages)
{
	size_t end = first_page(object) + object->pages, old_size = object->size;

	pn_arena_assert_held();
	pn_assert(pn_slab_is_medium(object) && pages && object->epoch == pn_arena.epoch);
	if (pages > object->pages &&
	    !pn_pages_extend_locked(object->heap, end, pages - object->pages))
		return false;
	set_object_inside(object, end, first_page(object) + pages, object);
	if (pages < object->pages) {
		set_object_inside(object, first_page(object) + pages, end, NULL);
		pn_pages_give_locked(object->heap, first_page(object) + pages,
				     object->pages - pages);
	}
	set_length(object, pages);
	object->heap->stats.medium_bytes += (uint64_t)object->size - old_size;
	return true;
}

bool pn_medium_resize(struct pn_slab *object, size_t size)
{
	size_t colour = object->offset & (PN_PAGE_SIZE - 1), pages;
	bool fits;

	/* The sum below does not wrap for a size that a chunk can hold. */
	if (size <= PN_SMALL_MAX || size > PN_CHUNK_SIZE)
		return false;
	pages = pages_for(size + colour);
	if (pages > PN_CHUNK_PAGES)
		return false;
	/* Shrinking by less than an eighth is not worth the work. */
	if (pages <= object->pages && pages + object->pages / 8 > object->pages)
		return true;
	pn_arena_lock();
	if (object->epoch == pn_arena.epoch)
		fits = resize_locked(object, pages);
	else
		fits = size <= object->size;
	pn_arena_unlock();
	pn_idle_tidy(object->heap);
	return fits;
}

// SPDX-License-Identifier: MIT
/*
 * The list of heaps, and the end of a heap. The record of a destroyed heap is kept for a later
 * heap, together with its spare records of slabs: a record to which an entry of the tables has led
 * is never unmapped.
 */
#include "front/heaps.h"

#include <errno.h>
#include <string.h>

#include "chunk/idle.h"
#include "object/medium.h"
#include "object/retain.h"
#include "os/announce.h"
#include "os/meta.h"
#include "os/sys.h"
#include "profile/profile.h"

/*
 * How often pn_heaps_destroy() waits, for some milliseconds each time, until other threads have
 * given back chunks of the heap.
 */
#define WAITS 250

/* Covers the list and the unused records. This is the outermost lock; see runtime.c. */
static struct pn_lock lock = PN_LOCK_INIT;
/* Records of destroyed heaps. */
static struct pn_heap *unused;

void pn_heaps_lock(void)
{
	pn_lock(&lock);
}

void pn_heaps_unlock(void)
{
	pn_unlock(&lock);
}

/*
 * Returns the heap at this place of the list, or NULL. Records of heaps are never unmapped, so the
 * caller may give back the heap's idle chunks without the lock, even if the heap is destroyed.
 */
static struct pn_heap *heap_at(size_t place)
{
	struct pn_heap *heap;

	pn_heaps_lock();
	pn_heaps_for_each(heap)
		if (!place--)
			break;
	pn_heaps_unlock();
	return heap;
}

size_t pn_heaps_purge(void)
{
	struct pn_heap *heap;
	size_t count = 0;

	for (size_t place = 0; (heap = heap_at(place)); place++)
		count += pn_idle_purge(heap);
	return count;
}

/* Creating. */

static struct pn_heap *make_record(void)
{
	struct pn_heap *heap = pn_meta_alloc(sizeof(*heap));

	if (!heap)
		return NULL;
	for (size_t i = 0; i < PN_CLASSES; i++)
		heap->centrals[i].lock = (struct pn_lock)PN_LOCK_INIT;
	return heap;
}

static struct pn_heap *take_record(void)
{
	struct pn_heap *heap = unused;

	if (!heap)
		return make_record();
	unused = heap->next;
	heap->next = NULL;
	return heap;
}

static void give_record(struct pn_heap *heap)
{
	pn_assert(heap != &pn_heap && !heap->retained && !heap->stats.chunks);
	heap->next = unused;
	unused = heap;
}

static int start(struct pn_heap *heap, const struct pn_heap_options *options)
{
	int err;

	if (!pn_arena_lock_inside())
		return ENOMEM;
	err = pn_heap_init_like(heap, options, &pn_heap);
	pn_arena_unlock();
	return err;
}

/*
 * Links a heap into the list, after the default one. The store is a release, because a child that
 * is forked at any moment may walk the list.
 */
static void enlist(struct pn_heap *heap)
{
	heap->next = pn_heap.next;
	__atomic_store_n(&pn_heap.next, heap, __ATOMIC_RELEASE);
}

int pn_heaps_create(const struct pn_heap_options *options, struct pn_heap **made)
{
	struct pn_heap *heap;
	int err = ENOMEM;

	pn_heaps_lock();
	heap = take_record();
	if (heap)
		err = start(heap, options);
	if (!err) {
		enlist(heap);
		*made = heap;
	} else if (heap) {
		give_record(heap);
	}
	pn_heaps_unlock();
	return err;
}

/* Objects of slabs. */

void *pn_heaps_take_object(struct pn_heap *heap, unsigned int class)
{
	struct pn_free taken = { 0 };

	if (pn_central_take(heap, class, &taken, 1))
		pn_free_set_live(&taken);
	return taken.object;
}

void pn_heaps_give_object(struct pn_slab *slab, const struct pn_free *object)
{
	pn_central_give(slab->heap, slab->class, object, 1);
}

/* Fork. */

void pn_heaps_in_child(void)
{
	struct pn_heap *heap;

	pn_lock_reset(&lock);
	unused = NULL;
	pn_heaps_for_each(heap) {
		pn_heap_in_child(heap);
		pn_central_in_child(heap);
	}
}

/* Destroying. The list and the arena are locked. */

/* Clears the table entry of a page, and makes the record that it led to a spare one. */
static void forget_record(struct pn_heap *heap, size_t page)
{
	struct pn_slab *record = pn_arena.slabs[page];
	struct pn_slab **spare;

	if (!record)
		return;
	__atomic_store_n(&pn_arena.slabs[page], NULL, __ATOMIC_RELEASE);
	/*
	 * Several pages lead to one record, which becomes spare once, at its first page. A page
	 * whose medium object was freed leads to a record that belongs to no heap.
	 */
	if (pn_medium_is_freed_mark(record) || page != record->offset >> PN_PAGE_SHIFT)
		return;
	spare = pn_slab_is_medium(record) ? &heap->spare : &heap->centrals[record->class].spare;
	record->next = *spare;
	*spare = record;
}

static void empty_slot(struct pn_heap *heap, size_t slot)
{
	if (pn_arena.slots[slot].state == PN_SLOT_PAGES)
		for (size_t i = 0; i < PN_CHUNK_PAGES; i++)
			forget_record(heap, slot * PN_CHUNK_PAGES + i);
	pn_arena.slots[slot].object = PN_OBJECT_NEVER;
	if (pn_arena.slots[slot].state != PN_SLOT_EMPTY)
		pn_idle_add_locked(heap, slot);
}

/* Makes all chunks that this process has populated for the heap idle. */
static void drop_objects(struct pn_heap *heap)
{
	for (size_t slot = 0; slot < pn_arena_slot_count(); slot++)
		if (pn_arena.slots[slot].heap == heap &&
		    pn_arena.slots[slot].state != PN_SLOT_HOLE &&
		    pn_arena.slots[slot].epoch == pn_arena.epoch)
			empty_slot(heap, slot);
	memset(heap->partial, 0, sizeof(heap->partial));
	for (size_t i = 0; i < PN_CLASSES; i++) {
		heap->centrals[i].partial = NULL;
		heap->centrals[i].out = 0;
	}
}

/*
 * Closes the heap's pool and gives up its regions. Other heaps can claim them now, so all hints are
 * reset: a hint may be beyond these regions.
 */
static void drop_regions(struct pn_heap *heap)
{
	const struct pn_backend *backend = heap->pool.backend;
	struct pn_heap *other;

	if (backend->unmap && heap->pool.is_open)
		backend->unmap(&heap->pool);
	backend->disown(&heap->pool);
	heap->pool.is_open = false;
	pn_arena_disclaim(heap->pool.number);
	pn_heaps_for_each(other)
		other->hint = 0;
}

static void delist(struct pn_heap *heap)
{
	struct pn_heap *before = &pn_heap;

	while (before->next != heap)
		before = before->next;
	before->next = heap->next;
	/*
	 * A forked child that finds the record among the unused ones must not find it in the list.
	 */
	pn_child_order_writes();
}

/*
 * Destroys what the heap contains, and leaves its chunks idle for the caller to give back. Return:
 * 0; with nothing changed, EBUSY if an object is retained, and EINPROGRESS if other threads are
 * giving chunks back; or EAGAIN in a child that was forked during this call.
 */
static int empty_locked(struct pn_heap *heap)
{
	int err = 0;

	pn_lock_assert_held(&lock);
	if (pn_retain_has_any(heap))
		return EBUSY;
	if (!pn_arena_lock_inside())
		return EAGAIN;
	if (heap->leaving) {
		err = EINPROGRESS;
	} else {
		heap->is_ending = true;
		pn_profile_forget_heap(heap);
		drop_objects(heap);
	}
	pn_arena_unlock();
	return err;
}

/*
 * Destroys an empty heap. Inherited copies stay; chunks that could not be given back, because the
 * pool is lost, stay until the process exits. Return: 0; or EAGAIN as empty_locked().
 */
static int end_locked(struct pn_heap *heap)
{
	pn_lock_assert_held(&lock);
	if (!pn_arena_lock_inside())
		return EAGAIN;
	delist(heap);
	pn_idle_abandon_locked(heap);
	pn_assert(pn_child_is_new() || (!heap->empty.first && !heap->leaving));
	pn_idle_forget(heap);
	drop_regions(heap);
	heap->is_ending = false;
	pn_arena_unlock();
	give_record(heap);
	return 0;
}

static int call(int (*function)(struct pn_heap *), struct pn_heap *heap)
{
	int err;

	do {
		pn_child_settle();
		pn_heaps_lock();
		err = function(heap);
		pn_heaps_unlock();
	} while (err == EAGAIN);
	return err;
}

/* Waits, but not for ever, while other threads announce chunks of the heap. */
static int empty(struct pn_heap *heap)
{
	uint32_t never = 0;
	int err = call(empty_locked, heap);

	for (int i = 0; err == EINPROGRESS && i < WAITS; i++) {
		pn_sys_wait(&never, 0);
		err = call(empty_locked, heap);
	}
	return err == EINPROGRESS ? EBUSY : err;
}

int pn_heaps_destroy(struct pn_heap *heap)
{
	int err = pn_announce_is_possible() ? empty(heap) : EBUSY;

	if (err)
		return err;
	pn_idle_purge_ending(heap);
	return call(end_locked, heap);
}

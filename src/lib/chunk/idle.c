// SPDX-License-Identifier: MIT
/*
 * The cache of a heap's idle chunks, which have memory and hold nothing (EMPTY): chunks enter it
 * when they get memory and when their last object is freed, and leave it to hold something or to be
 * given back. All functions need the arena's lock, which is released while the backend takes chunks
 * back: pn_work_at() protects their slots meanwhile.
 */
#include "chunk/idle.h"

#include <string.h>

#include "arena/work.h"
#include "backend/devices.h"
#include "chunk/forks.h"
#include "chunk/limit.h"
#include "os/confined.h"
#include "os/probe.h"
#include "os/sys.h"

/* Longest pause between two checks whether all forked children have gone. */
#define REMAP_PAUSE_MAX_MS 1000

/* How many calls of slow paths lie between two searches for chunks that have decayed. */
#define TIDY_CALLS 8

/* How long no idle chunk is kept after the backend refused memory: other processes need it. */
#define SHORTAGE_MS 1000

/* The largest number of chunks that are given back to a backend at once. */
#define BATCH_MAX 64

/*
 * The largest number of decayed chunks that one call gives back. The kernel needs about 0.2 ms for
 * a chunk, and the call may be any malloc() or free(). What is left, the next calls give back.
 */
#define STEP 4

static void set_filled(struct pn_heap *heap, size_t index, uint64_t phys)
{
	struct pn_slot *slot = &pn_arena.slots[index];

	pn_assert(slot->state == PN_SLOT_HOLE);
	slot->epoch = pn_arena.epoch;
	slot->heap = heap;
	memset(slot->fresh, 0xff, sizeof(slot->fresh));
	pn_forks_set_phys(heap->pool.backend, index, phys);
}

void pn_idle_forget(struct pn_heap *heap)
{
	pn_limit_subtract(heap, heap->stats.chunks);
	heap->stats = (struct pn_heap_stats){ 0 };
	heap->empty = (struct pn_slot_list){ 0 };
	memset(heap->partial, 0, sizeof(heap->partial));
	heap->hint = 0;
	memset(heap->recent, 0, sizeof(heap->recent));
	heap->reserved = 0;
	pn_limit_reset_peak();
}

/* The counts may be inconsistent: another thread may have been changing them at the fork. */
void pn_idle_in_child(struct pn_heap *heap)
{
	pn_limit_in_child();
	heap->stats = (struct pn_heap_stats){ 0 };
	pn_idle_forget(heap);
}

/* Returns true if the list of EMPTY chunks holds nothing else, and as many as were counted. */
PN_UNUSED_IN_RELEASE static bool is_list_valid(const struct pn_heap *heap)
{
	uint64_t count = 0;

	for (uint32_t link = heap->empty.first; link; link = pn_arena.slots[link - 1].next) {
		const struct pn_slot *slot = &pn_arena.slots[link - 1];

		if (slot->state != PN_SLOT_EMPTY || slot->heap != heap ||
		    !pn_slot_list_has(&heap->empty, link - 1) || ++count > heap->stats.chunks)
			return false;
	}
	return count == heap->stats.empty_chunks;
}

/* Giving back. */

/* An EMPTY slot on which a thread works is in no list, and belongs to that thread. */
bool pn_idle_is_punchable(const struct pn_heap *heap, const struct pn_slot *slot)
{
	return slot->state == PN_SLOT_EMPTY && slot->pool == heap->pool.number &&
	       !pn_work_at((size_t)(slot - pn_arena.slots));
}

void pn_idle_take_locked(struct pn_heap *heap, size_t index)
{
	pn_arena_assert_held();
	pn_assert(pn_arena.slots[index].state == PN_SLOT_EMPTY);
	pn_assert(pn_arena.slots[index].heap == heap && heap->stats.empty_chunks);
	pn_slot_list_remove(&heap->empty, index);
	heap->stats.empty_chunks--;
}

static void make_hole(struct pn_heap *heap, size_t index)
{
	pn_idle_take_locked(heap, index);
	pn_slot_set_state(&pn_arena.slots[index], PN_SLOT_HOLE);
	pn_slot_set_phys(index, PN_PHYS_UNKNOWN);
}

/* Turns up to @most neighbouring EMPTY slots from @first on into holes. Return: how many. */
static size_t make_holes(struct pn_heap *heap, size_t first, size_t most, uint64_t *phys)
{
	size_t count = 0;

	for (; count < most && first + count < pn_arena_slot_count() &&
	       pn_idle_is_punchable(heap, &pn_arena.slots[first + count]);
	     count++) {
		phys[count] = pn_arena.phys[first + count] - 1;
		make_hole(heap, first + count);
	}
	return count;
}

/* Makes chunks usable again that the backend did not take back. */
static void keep(struct pn_heap *heap, size_t first, size_t count, const uint64_t *phys)
{
	pn_devices_map_again_locked(first, count);
	for (size_t i = 0; i < count; i++) {
		pn_forks_set_phys(heap->pool.backend, first + i, phys[i]);
		pn_idle_add_locked(heap, first + i);
	}
}

/* Has the backend take chunks back, without the lock. Return: 0, or an error of punch(). */
static int punch(struct pn_heap *heap, const struct pn_work *work)
{
	struct pn_pool pool = heap->pool;
	int err;

	PN_PROBE2(punch, work->first, work->count);
	pn_arena_pause();
	err = pool.backend->punch(&pool, work->first, work->count);
	return pn_arena_resume() ? err : PN_BACKEND_FORKED;
}

/*
 * Gives back the chunks of up to @most neighbouring EMPTY slots from @first on. If the backend
 * refuses, the slots become EMPTY again and can be used. Return: how many chunks were given back.
 */
static size_t punch_run(struct pn_heap *heap, size_t first, size_t most)
{
	uint64_t phys[BATCH_MAX];
	struct pn_work work = { .first = first };
	int err;

	work.count = make_holes(heap, first, most < BATCH_MAX ? most : BATCH_MAX, phys);
	pn_assert(work.count);
	pn_work_begin_locked(&work);
	pn_devices_unmap_locked(first, work.count);
	heap->stats.punch_calls++;
	err = punch(heap, &work);
	pn_work_end_locked(&work);
	if (err == PN_BACKEND_FORKED)
		return 0;
	if (first < heap->hint)
		heap->hint = first;
	if (err)
		keep(heap, first, work.count, phys);
	else
		pn_limit_subtract(heap, work.count);
	return err ? 0 : work.count;
}

/* Returns the oldest EMPTY slot that can be given back; SIZE_MAX if none is @age_ms old. */
static size_t find_oldest(const struct pn_heap *heap, uint64_t age_ms)
{
	uint32_t link = heap->empty.last;

	while (link && !pn_idle_is_punchable(heap, &pn_arena.slots[link - 1]))
		link = pn_arena.slots[link - 1].prev;
	if (!link || (age_ms && pn_sys_now_ms() - pn_arena.slots[link - 1].emptied_ms < age_ms))
		return SIZE_MAX;
	return link - 1;
}

/* Gives back up to @most EMPTY chunks that are at least @age_ms old. Return: how many. */
static size_t purge_locked(struct pn_heap *heap, uint64_t age_ms, size_t most)
{
	size_t count = 0;
	size_t slot;

	pn_arena_assert_held();
	while (count < most && (slot = find_oldest(heap, age_ms)) != SIZE_MAX &&
	       !pn_confined_ask()) {
		size_t punched = punch_run(heap, slot, most - count);

		if (!punched)
			break;
		count += punched;
	}
	return count;
}

void pn_idle_give_back_locked(struct pn_heap *heap, size_t first, size_t count)
{
	pn_arena_assert_held();
	for (size_t end = first + count, some; first < end && !pn_confined_ask(); first += some) {
		some = 1;
		/* Other threads may take slots while the lock is released. */
		if (pn_idle_is_punchable(heap, &pn_arena.slots[first]))
			some = punch_run(heap, first, end - first);
		if (!some)
			break;
	}
}

size_t pn_idle_purge_locked(struct pn_heap *heap)
{
	pn_arena_assert_held();
	return purge_locked(heap, 0, SIZE_MAX);
}

size_t pn_idle_purge(struct pn_heap *heap)
{
	size_t count;

	if (!pn_arena_lock_inside())
		return 0;
	count = pn_idle_purge_locked(heap);
	pn_arena_unlock();
	return count;
}

void pn_idle_abandon_locked(struct pn_heap *heap)
{
	pn_arena_assert_held();
	/* In a new child, the list may be half changed. */
	while (heap->empty.first && !pn_child_is_new()) {
		size_t index = heap->empty.first - 1;

		make_hole(heap, index);
		pn_devices_unmap_locked(index, 1);
	}
}

void pn_idle_put_locked(struct pn_heap *heap, size_t index)
{
	struct pn_slot *slot = &pn_arena.slots[index];

	pn_arena_assert_held();
	pn_assert(slot->state == PN_SLOT_EMPTY && slot->heap == heap);
	pn_assert(slot->epoch == pn_arena.epoch);
	slot->emptied_ms = pn_sys_now_ms();
	pn_slot_list_push(&heap->empty, index);
	heap->stats.empty_chunks++;
	if (index < heap->hint)
		heap->hint = index;
	pn_assert_slow(is_list_valid(heap));
}

void pn_idle_add_locked(struct pn_heap *heap, size_t index)
{
	pn_arena_assert_held();
	pn_assert(pn_arena.slots[index].state != PN_SLOT_EMPTY);
	/* Large objects do not count which of their pages were used. */
	if (pn_arena.slots[index].state != PN_SLOT_PAGES)
		memset(pn_arena.slots[index].fresh, 0, sizeof(pn_arena.slots[index].fresh));
	pn_slot_set_state(&pn_arena.slots[index], PN_SLOT_EMPTY);
	pn_idle_put_locked(heap, index);
}

/*
 * Lets the backend undo what a fork did to the mappings, if it is time to try. The backend may have
 * to wait until the child has gone. A child may live for long, so the pauses between two tries
 * grow.
 */
static void remap(struct pn_heap *heap)
{
	uint64_t now = pn_sys_now_ms();

	if (now < heap->remap_ms)
		return;
	if (heap->remap_pause_ms < REMAP_PAUSE_MAX_MS)
		heap->remap_pause_ms *= 2;
	heap->remap_ms = now + heap->remap_pause_ms;
	if (!heap->pool.is_open || pn_confined_ask() || heap->pool.backend->remap(&heap->pool))
		heap->remap_pause_ms = 0;
}

void pn_idle_note_shortage_locked(struct pn_heap *heap)
{
	pn_arena_assert_held();
	heap->short_ms = pn_sys_now_ms() + SHORTAGE_MS;
}

/* Returns the age from which on an empty chunk is given back. */
static uint64_t current_decay_ms(struct pn_heap *heap)
{
	if (pn_likely(!heap->short_ms))
		return heap->decay_ms;
	if (pn_sys_now_ms() < heap->short_ms)
		return 0;
	heap->short_ms = 0;
	return heap->decay_ms;
}

static void look_locked(struct pn_heap *heap, uint64_t decay_ms)
{
	pn_arena_assert_held();
	if (pn_unlikely(heap->remap_pause_ms) ||
	    (heap->empty.last && find_oldest(heap, decay_ms) != SIZE_MAX))
		__atomic_store_n(&heap->is_due, true, __ATOMIC_RELAXED);
}

void pn_idle_look_locked(struct pn_heap *heap)
{
	uint64_t decay_ms = current_decay_ms(heap);

	pn_arena_assert_held();
	pn_forks_notice_locked(heap);
	/* Reading the clock each time would cost more than the slow path itself. */
	if (!decay_ms || !(++heap->calls % TIDY_CALLS))
		look_locked(heap, decay_ms);
}

static void tidy_locked(struct pn_heap *heap)
{
	uint64_t decay_ms = current_decay_ms(heap);

	pn_arena_assert_held();
	/* Of several threads that find the housekeeping due, one does it. */
	if (!__atomic_exchange_n(&heap->is_due, false, __ATOMIC_RELAXED))
		return;
	if (pn_unlikely(heap->remap_pause_ms))
		remap(heap);
	/* With a decay time of 0, the caller has asked to give back at once whatever it frees. */
	if (heap->empty.last && purge_locked(heap, decay_ms, decay_ms ? STEP : SIZE_MAX) == STEP)
		__atomic_store_n(&heap->is_due, true, __ATOMIC_RELAXED);
}

void pn_idle_tidy_now(struct pn_heap *heap)
{
	if (!pn_arena_lock_inside())
		return;
	tidy_locked(heap);
	pn_arena_unlock();
}

bool pn_idle_check(struct pn_heap *heap)
{
	if (!pn_arena_lock_inside())
		return false;
	pn_forks_notice_locked(heap);
	look_locked(heap, current_decay_ms(heap));
	tidy_locked(heap);
	pn_arena_unlock();
	return __atomic_load_n(&heap->is_due, __ATOMIC_RELAXED);
}

void pn_idle_fill_locked(struct pn_heap *heap, size_t first, size_t count, const uint64_t *phys)
{
	pn_arena_assert_held();
	pn_limit_add(heap, count);
	for (size_t i = 0; i < count; i++) {
		set_filled(heap, first + i, phys[i]);
		pn_slot_set_state(&pn_arena.slots[first + i], PN_SLOT_EMPTY);
	}
}

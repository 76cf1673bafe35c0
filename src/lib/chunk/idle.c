// SPDX-License-Identifier: MIT
/*
 * The cache of a heap's idle chunks, which have memory and hold nothing (EMPTY): chunks enter it
 * when they get memory and when their last object is freed, and leave it to hold something or to be
 * given back. All functions need the arena's lock; the backend is called with that lock held.
 */
#include "chunk/idle.h"

#include <string.h>

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

static void set_filled(struct pn_heap *heap, size_t index, uint64_t phys)
{
	struct pn_slot *slot = &pn_arena.slots[index];

	pn_assert(slot->state == PN_SLOT_HOLE);
	pn_assert(pn_arena_owner(index) == heap->pool.number);
	slot->pool = heap->pool.number;
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

bool pn_idle_is_punchable(const struct pn_heap *heap, const struct pn_slot *slot)
{
	return slot->state == PN_SLOT_EMPTY && slot->pool == heap->pool.number;
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

/*
 * Gives back the chunks of EMPTY slots from @first on, as many as are neighbours. If the backend
 * refuses, the slots become EMPTY again and can be used. Return: how many chunks were given back.
 */
static size_t punch_run(struct pn_heap *heap, size_t first)
{
	uint64_t phys[BATCH_MAX];
	size_t count = 0;

	for (; count < BATCH_MAX && first + count < pn_arena_slot_count() &&
	       pn_idle_is_punchable(heap, &pn_arena.slots[first + count]);
	     count++) {
		phys[count] = pn_arena.phys[first + count] - 1;
		make_hole(heap, first + count);
	}
	pn_assert(count);
	pn_devices_unmap_locked(first, count);
	heap->stats.punch_calls++;
	PN_PROBE2(punch, first, count);
	if (!heap->pool.backend->punch(&heap->pool, first, count)) {
		pn_limit_subtract(heap, count);
		return count;
	}
	pn_devices_map_again_locked(first, count);
	for (size_t i = 0; i < count; i++) {
		pn_forks_set_phys(heap->pool.backend, first + i, phys[i]);
		pn_idle_add_locked(heap, first + i);
	}
	return 0;
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

/* Gives back all EMPTY chunks that are at least @age_ms old. Return: how many. */
static size_t purge_locked(struct pn_heap *heap, uint64_t age_ms)
{
	size_t count = 0;
	size_t slot;

	pn_arena_assert_held();
	while ((slot = find_oldest(heap, age_ms)) != SIZE_MAX && !pn_confined_ask()) {
		size_t punched = punch_run(heap, slot);

		if (!punched)
			break;
		count += punched;
	}
	return count;
}

size_t pn_idle_purge_locked(struct pn_heap *heap)
{
	pn_arena_assert_held();
	return purge_locked(heap, 0);
}

void pn_idle_abandon_locked(struct pn_heap *heap)
{
	pn_arena_assert_held();
	while (heap->empty.first) {
		size_t index = heap->empty.first - 1;

		make_hole(heap, index);
		pn_devices_unmap_locked(index, 1);
	}
}

void pn_idle_add_locked(struct pn_heap *heap, size_t index)
{
	struct pn_slot *slot = &pn_arena.slots[index];

	pn_arena_assert_held();
	pn_assert(slot->state != PN_SLOT_EMPTY && slot->heap == heap);
	pn_assert(slot->epoch == pn_arena.epoch);
	pn_slot_set_state(slot, PN_SLOT_EMPTY);
	slot->emptied_ms = pn_sys_now_ms();
	pn_slot_list_push(&heap->empty, index);
	heap->stats.empty_chunks++;
	if (index < heap->hint)
		heap->hint = index;
	pn_assert_slow(is_list_valid(heap));
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

void pn_idle_tidy_locked(struct pn_heap *heap)
{
	uint64_t decay_ms = current_decay_ms(heap);

	pn_arena_assert_held();
	pn_forks_notice_locked(heap);
	/* Reading the clock each time would cost more than the slow path itself. */
	if (decay_ms && ++heap->calls % TIDY_CALLS)
		return;
	if (heap->empty.last)
		purge_locked(heap, decay_ms);
	if (pn_unlikely(heap->remap_pause_ms))
		remap(heap);
}

void pn_idle_fill_locked(struct pn_heap *heap, size_t first, size_t count, const uint64_t *phys)
{
	pn_arena_assert_held();
	pn_limit_add(heap, count);
	for (size_t i = 0; i < count; i++) {
		set_filled(heap, first + i, phys[i]);
		pn_idle_add_locked(heap, first + i);
	}
}

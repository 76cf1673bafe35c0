// SPDX-License-Identifier: MIT
/*
 * A heap's slots: finds runs of slots, populates them, and keeps the entries of large objects and
 * raw runs. All functions need the arena's lock, which is taken once for a slab or a large object,
 * not once for each small object. The backend is called with that lock held. Fast paths read the
 * arena's tables without the lock: a slot's entries are complete before the first pointer into the
 * slot is handed out.
 */
#include "chunk/slots.h"

#include <errno.h>
#include <string.h>

#include "arena/window.h"
#include "chunk/discard.h"
#include "backend/devices.h"
#include "chunk/idle.h"
#include "chunk/limit.h"
#include "os/confined.h"
#include "os/probe.h"

/* The largest number of chunks that a backend is asked for at once. */
#define BATCH_MAX 64

/* Runs of slots. */

static bool is_hole(size_t slot)
{
	return slot >= pn_arena_slot_count() || pn_arena.slots[slot].state == PN_SLOT_HOLE;
}

/* Returns true if @slot may become part of a run: it is empty, or can be populated. */
static bool is_available(const struct pn_heap *heap, size_t slot)
{
	uint32_t owner = pn_arena_owner(slot);

	if (owner != heap->pool.number)
		return !owner;
	return is_hole(slot) || pn_idle_is_punchable(heap, &pn_arena.slots[slot]);
}

/* Returns how many slots are unavailable with @slot: a large object's, or another pool's region. */
static size_t count_unavailable(const struct pn_heap *heap, size_t slot)
{
	if (pn_arena_owner(slot) != heap->pool.number)
		return pn_arena_region_end(slot) - slot;
	return pn_arena.slots[slot].state == PN_SLOT_LARGE ? pn_arena.slots[slot].run : 1;
}

/*
 * Returns true if a run may end before @slot. In a pool with guards, no two runs touch: each run
 * has a slot without memory before it and after it.
 */
static bool can_end_at(const struct pn_heap *heap, size_t slot)
{
	return !heap->pool.has_guards || (slot < pn_arena_slot_limit() && is_hole(slot));
}

static bool can_begin_at(const struct pn_heap *heap, size_t slot)
{
	return !heap->pool.has_guards || !slot || is_hole(slot - 1);
}

/*
 * Returns true if @slot can be part of @run. A contiguous run is populated by one request, so all
 * its slots must be holes.
 */
static bool can_join_run(const struct pn_heap *heap, const struct pn_slot_run *run, size_t slot)
{
	return is_available(heap, slot) && (!run->is_contiguous || is_hole(slot));
}

/* Finds the first run at or after the hint. Return: false if there is none. */
static bool find_run(struct pn_heap *heap, struct pn_slot_run *run)
{
	size_t slots = pn_arena_slot_limit(), at;

	pn_arena_assert_held();
	pn_assert(run->count && run->alignment);
	while (heap->hint < slots && !is_available(heap, heap->hint))
		heap->hint += count_unavailable(heap, heap->hint);
	run->first = pn_round_up(heap->hint, run->alignment);
	at = run->first;
	while (run->first + run->count <= slots) {
		if (at == run->first + run->count) {
			if (can_begin_at(heap, run->first) && can_end_at(heap, at))
				return true;
			run->first = pn_round_up(run->first + 1, run->alignment);
			at = run->first;
			continue;
		}
		if (can_join_run(heap, run, at)) {
			at++;
			continue;
		}
		at += count_unavailable(heap, at);
		run->first = pn_round_up(at, run->alignment);
		at = run->first;
	}
	return false;
}

/* Returns true if the slots are taken: populated by the heap's pool, and in no list. */
PN_UNUSED_IN_RELEASE static bool are_taken(const struct pn_heap *heap,
					   const struct pn_slot_run *run)
{
	for (size_t i = run->first; i < run->first + run->count; i++)
		if (pn_arena.slots[i].state != PN_SLOT_EMPTY || pn_arena.slots[i].heap != heap ||
		    pn_arena.slots[i].epoch != pn_arena.epoch || pn_slot_list_has(&heap->empty, i))
			return false;
	return true;
}

/* Returns how many of the slots have no memory yet. */
static size_t count_holes(size_t first, size_t count)
{
	size_t holes = 0;

	for (size_t i = 0; i < count; i++)
		holes += is_hole(first + i);
	return holes;
}

static int claim(struct pn_heap *heap, size_t first, size_t count)
{
	return pn_arena_claim(first, count, heap->pool.number, &heap->pool.claims);
}

/*
 * Fills @count holes, which become EMPTY slots; after an error, some of them may be EMPTY too.
 * Claims slots batch by batch, so that a failure leaves at most one batch claimed but not filled.
 * Returns what pn_backend.populate returns.
 */
static int populate(struct pn_heap *heap, size_t first, size_t count)
{
	uint64_t phys[BATCH_MAX];
	int err = 0;

	for (size_t done = 0, some; !err && done < count; done += some) {
		some = count - done < BATCH_MAX ? count - done : BATCH_MAX;
		err = claim(heap, first + done, some);
		if (err)
			break;
		err = heap->pool.backend->populate(&heap->pool, first + done, some, phys);
		heap->stats.populate_calls++;
		if (!err)
			err = pn_devices_map_new_locked(&heap->pool, first + done, some);
		if (!err)
			pn_idle_fill_locked(heap, first + done, some, phys);
	}
	return err;
}

/* Fills the holes of a contiguous run by one request. Returns what populate() returns. */
static int populate_run(struct pn_heap *heap, size_t first, size_t count)
{
	uint64_t phys = 0;
	int err = claim(heap, first, count);

	if (err)
		return err;
	err = heap->pool.backend->populate_run(&heap->pool, first, count, &phys);
	heap->stats.populate_calls++;
	if (!err)
		err = pn_devices_map_new_locked(&heap->pool, first, count);
	for (size_t i = 0; !err && i < count; i++) {
		uint64_t at = phys == PN_PHYS_UNKNOWN ? phys : phys + (i << PN_CHUNK_SHIFT);

		pn_idle_fill_locked(heap, first + i, 1, &at);
	}
	return err;
}

/* Fills @count neighbouring holes, unless the process filters its system calls. */
static int fill_neighbours(struct pn_heap *heap, const struct pn_slot_run *run, size_t first,
			   size_t count)
{
	int err = ENOMEM;

	if (!pn_confined_ask())
		err = run->is_contiguous ? populate_run(heap, first, count)
					 : populate(heap, first, count);
	PN_PROBE3(populate, first, count, err);
	return err;
}

/* Fills the run's holes; neighbouring holes are filled together. */
static int fill_holes(struct pn_heap *heap, const struct pn_slot_run *run)
{
	size_t i = 0;
	int err = 0;

	while (i < run->count && !err) {
		size_t at = run->first + i, holes = 0;

		while (i + holes < run->count && is_hole(at + holes))
			holes++;
		if (holes)
			err = fill_neighbours(heap, run, at, holes);
		i += holes ? holes : 1;
	}
	return err;
}

/* Fills the holes of an available run, and takes all its slots. Returns what populate() returns. */
static int fill_run(struct pn_heap *heap, struct pn_slot_run *run)
{
	size_t holes = count_holes(run->first, run->count);
	int err;

	if (pn_limit_is_over(heap, holes))
		return EFBIG;
	run->is_zeroed = holes == run->count;
	err = fill_holes(heap, run);
	for (size_t i = 0; !err && i < run->count; i++)
		pn_idle_take_locked(heap, run->first + i);
	pn_assert_slow(err || are_taken(heap, run));
	return err;
}

/*
 * Finds and fills a run. If somebody else has mapped some of the slots, the arena has noted that,
 * and the next search passes those slots over.
 */
static int try_run(struct pn_heap *heap, struct pn_slot_run *run)
{
	int err;

	do
		err = find_run(heap, run) ? fill_run(heap, run) : ENOSPC;
	while (err == PN_BACKEND_FOREIGN);
	return err;
}

/* Opens the pool of a heap again, after its descriptor was lost. Returns 0 or an errno. */
static int open_again(struct pn_heap *heap)
{
	int err;

	if (pn_confined_ask())
		return EPERM;
	heap->pool.backend->disown(&heap->pool);
	err = heap->pool.backend->open(&heap->pool);
	heap->pool.is_open = !err;
	return err;
}

/* Gives a lost pool up: nothing touches its slots any more, even if no new pool can be opened. */
static void abandon_pool(struct pn_heap *heap)
{
	heap->pool.number = pn_arena_new_pool();
	heap->hint = 0;
}

/*
 * Takes a run of slots, which are then populated and in no list. After a failure it tries once
 * more: with a new pool if the old one is lost, or without the idle chunks, which it gives back
 * first.
 */
static int take_run_or_retry(struct pn_heap *heap, struct pn_slot_run *run)
{
	int err = heap->pool.is_open ? 0 : open_again(heap);

	if (err)
		return err;
	/* The physical memory for a contiguous run may lie in idle chunks. */
	if (run->is_contiguous)
		pn_idle_purge_locked(heap);
	err = try_run(heap, run);
	if (err == PN_BACKEND_LOST) {
		abandon_pool(heap);
		err = open_again(heap);
		if (err)
			return err;
		err = try_run(heap, run);
		/* The program closes descriptors all the time. */
		if (err == PN_BACKEND_LOST)
			err = EBADF;
	} else if (err && pn_idle_purge_locked(heap)) {
		err = try_run(heap, run);
		if (err)
			pn_idle_purge_locked(heap);
	}
	if (err && !pn_limit_is_over(heap, run->count))
		pn_idle_note_shortage_locked(heap);
	return err;
}

/* The same; the heap remembers the reason of a failure, for messages. */
static int take_run(struct pn_heap *heap, struct pn_slot_run *run)
{
	int err = take_run_or_retry(heap, run);

	if (err)
		__atomic_store_n(&heap->refusal, err, __ATOMIC_RELAXED);
	return err;
}

/*
 * An EMPTY slot is taken whatever pool it is from; only a new slot must be from the current pool.
 */
size_t pn_slots_take_one_locked(struct pn_heap *heap)
{
	struct pn_slot_run run = { .count = 1, .alignment = 1 };
	size_t slot;

	pn_arena_assert_held();
	if (!heap->empty.first)
		return take_run(heap, &run) ? SIZE_MAX : run.first;
	slot = heap->empty.first - 1;
	pn_idle_take_locked(heap, slot);
	return slot;
}

/* Large objects. */

static void set_used(struct pn_slot *slot, enum pn_slot_state state)
{
	pn_slot_set_state(slot, state);
	memset(slot->fresh, 0, sizeof(slot->fresh));
	slot->object = PN_OBJECT_NEVER;
}

/* Marks the slots from number @from up to @to of the object at @first as its tail. */
static void set_tail(struct pn_heap *heap, size_t first, size_t from, size_t to)
{
	pn_assert(from < to && first + to <= pn_arena_slot_count());
	for (size_t i = from; i < to; i++) {
		set_used(&pn_arena.slots[first + i], PN_SLOT_LARGE_TAIL);
		pn_arena.slots[first + i].run = (uint32_t)i;
	}
	heap->stats.large_chunks += to - from;
}

static void set_large(struct pn_heap *heap, const struct pn_slot_run *run)
{
	struct pn_slot *slot = &pn_arena.slots[run->first];

	set_tail(heap, run->first, 0, run->count);
	pn_slot_set_state(slot, PN_SLOT_LARGE);
	slot->object = PN_OBJECT_LIVE;
	slot->run = (uint32_t)run->count;
}

static void set_raw(struct pn_heap *heap, const struct pn_slot_run *run)
{
	for (size_t i = 0; i < run->count; i++)
		set_used(&pn_arena.slots[run->first + i], PN_SLOT_RAW);
	heap->stats.raw_chunks += run->count;
}

bool pn_slots_take(struct pn_heap *heap, struct pn_slot_run *run)
{
	bool is_taken;

	if (run->count > pn_arena_slot_limit() ||
	    run->alignment > PN_ARENA_ALIGNMENT / PN_CHUNK_SIZE)
		return false;
	pn_arena_lock();
	pn_idle_tidy_locked(heap);
	is_taken = !take_run(heap, run);
	if (is_taken && run->is_raw)
		set_raw(heap, run);
	else if (is_taken)
		set_large(heap, run);
	pn_arena_unlock();
	return is_taken;
}

static bool are_available(const struct pn_heap *heap, size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!is_available(heap, first + i))
			return false;
	return true;
}

bool pn_slots_extend(struct pn_heap *heap, size_t first, size_t count, size_t more)
{
	struct pn_slot_run run = { .count = more, .first = first + count };
	bool is_done = false;

	pn_arena_lock();
	pn_assert(more && pn_arena.slots[first].run == count);
	if (!heap->is_contiguous && more <= pn_arena_slot_limit() - run.first &&
	    heap->pool.is_open && are_available(heap, run.first, more) &&
	    can_end_at(heap, run.first + more) && !fill_run(heap, &run)) {
		set_tail(heap, first, count, count + more);
		pn_arena.slots[first].run = (uint32_t)(count + more);
		is_done = true;
	}
	pn_arena_unlock();
	return is_done;
}

static void give_locked(struct pn_heap *heap, size_t first, size_t count)
{
	pn_arena_assert_held();
	pn_assert(count && heap->stats.large_chunks >= count);
	for (size_t i = 0; i < count; i++) {
		pn_assert(pn_arena.slots[first + i].state == PN_SLOT_LARGE ||
			  pn_arena.slots[first + i].state == PN_SLOT_LARGE_TAIL);
		pn_idle_add_locked(heap, first + i);
	}
	heap->stats.large_chunks -= count;
	pn_idle_tidy_locked(heap);
}

void pn_slots_give(struct pn_heap *heap, size_t first, size_t count)
{
	pn_arena_lock();
	/* Otherwise the process was forked between the free and here. */
	if (pn_arena.slots[first].epoch == pn_arena.epoch)
		give_locked(heap, first, count);
	pn_arena_unlock();
}

void pn_slots_shrink(struct pn_heap *heap, size_t first, size_t count)
{
	struct pn_slot *slot = &pn_arena.slots[first];
	size_t run = slot->run;

	pn_arena_lock();
	pn_assert(slot->state == PN_SLOT_LARGE && count && count < run);
	slot->run = (uint32_t)count;
	if (slot->epoch == pn_arena.epoch)
		give_locked(heap, first + count, run - count);
	pn_arena_unlock();
}

/* Raw runs. */

static bool are_raw(size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pn_arena.slots[first + i].state != PN_SLOT_RAW ||
		    pn_arena.slots[first + i].heap != pn_arena.slots[first].heap)
			return false;
	return true;
}

bool pn_slots_give_raw(size_t first, size_t count)
{
	struct pn_heap *heap;
	bool is_given;

	pn_arena_lock();
	is_given = are_raw(first, count);
	for (size_t i = 0; is_given && i < count; i++) {
		heap = pn_arena.slots[first + i].heap;
		if (pn_arena.slots[first + i].epoch != pn_arena.epoch) {
			pn_discard_slots(first + i, 1);
			continue;
		}
		pn_idle_add_locked(heap, first + i);
		pn_assert(heap->stats.raw_chunks);
		heap->stats.raw_chunks--;
	}
	if (is_given && pn_arena.slots[first].epoch == pn_arena.epoch)
		pn_idle_tidy_locked(pn_arena.slots[first].heap);
	pn_arena_unlock();
	return is_given;
}

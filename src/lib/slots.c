// SPDX-License-Identifier: MIT
/*
 * A heap's slots: finding runs of them, populating them, keeping empty chunks for
 * a while, giving them back. All under the arena's lock, which is taken once for
 * a slab or a large object, not for an object; the backend is called with it held.
 * Fast paths read the arena's tables without it: a slot's entries are complete
 * before the first pointer into it is handed out.
 */
#include "slots.h"

#include <errno.h>
#include <string.h>

#include "sys.h"

/* Between looks whether a forked child has gone. */
#define MEND_PAUSE_MAX_MS 1000

/* Slow paths between two looks for what has been empty for long enough. */
#define TIDY_CALLS 8

/* Chunks asked of a backend at once. */
#define POPULATE_MAX 64

/* Read without the lock by pinned_owns() and pinned_p2v(). */
static void set_state(struct pn_slot *slot, enum pn_slot_state state)
{
	__atomic_store_n(&slot->state, (uint8_t)state, __ATOMIC_RELAXED);
}

static void set_phys(size_t slot, uint64_t phys)
{
	__atomic_store_n(&pn_arena.phys[slot], phys + 1, __ATOMIC_RELEASE);
}

/* Populating. */

static void slot_filled(struct pn_heap *heap, size_t index, uint64_t phys)
{
	struct pn_slot *slot = &pn_arena.slots[index];

	slot->pool = heap->pool.number;
	slot->epoch = pn_arena.epoch;
	slot->heap = heap;
	memset(slot->fresh, 0xff, sizeof(slot->fresh));
	set_phys(index, phys);
}

static void count_chunks(struct pn_heap *heap, size_t count)
{
	heap->stats.chunks += count;
	if (heap->stats.chunks > heap->stats.peak_chunks)
		heap->stats.peak_chunks = heap->stats.chunks;
}

/* Fill @count holes. Return: 0, an errno, PN_BACKEND_LOST. */
static int populate(struct pn_heap *heap, size_t first, size_t count)
{
	const struct pn_backend *backend = heap->pool.backend;
	uint64_t phys[POPULATE_MAX];
	size_t done = 0;
	int err = 0;

	while (done < count && !err) {
		size_t some = count - done < POPULATE_MAX ? count - done : POPULATE_MAX;

		err = backend->populate(&heap->pool, first + done, some, phys);
		for (size_t i = 0; !err && i < some; i++)
			slot_filled(heap, first + done + i, phys[i]);
		if (!err)
			done += some;
		heap->stats.populate_calls++;
	}
	if (err && done) {
		for (size_t i = 0; i < done; i++)
			set_phys(first + i, PN_PHYS_UNKNOWN);
		if (err != PN_BACKEND_LOST)
			backend->punch(&heap->pool, first, done);
	}
	if (!err)
		count_chunks(heap, count);
	return err;
}

/* Giving back. */

static bool is_punchable(const struct pn_heap *heap, const struct pn_slot *slot)
{
	return slot->state == PN_SLOT_EMPTY && slot->pool == heap->pool.number;
}

static void take_from_empty(struct pn_heap *heap, size_t index)
{
	pn_slot_list_remove(&heap->empty, index);
	heap->stats.empty_chunks--;
}

/* Punch EMPTY slots from @first on, as many as are next to each other. Return: how many. */
static size_t punch_run(struct pn_heap *heap, size_t first)
{
	size_t count = 0;

	while (first + count < pn_arena_slot_count() &&
	       is_punchable(heap, &pn_arena.slots[first + count])) {
		take_from_empty(heap, first + count);
		set_state(&pn_arena.slots[first + count], PN_SLOT_HOLE);
		set_phys(first + count, PN_PHYS_UNKNOWN);
		count++;
	}
	heap->stats.punch_calls++;
	/* With a lost pool the memory stays until exit; populate() will notice, and start afresh. */
	if (heap->pool.backend->punch(&heap->pool, first, count))
		return 0;
	heap->stats.chunks -= count;
	return count;
}

/* The oldest EMPTY slot that can be given back and is at least @age_ms old, or SIZE_MAX. */
static size_t oldest_empty(const struct pn_heap *heap, uint64_t age_ms)
{
	uint32_t link = heap->empty.last;

	while (link && !is_punchable(heap, &pn_arena.slots[link - 1]))
		link = pn_arena.slots[link - 1].prev;
	if (!link || (age_ms && pn_sys_now_ms() - pn_arena.slots[link - 1].emptied_ms < age_ms))
		return SIZE_MAX;
	return link - 1;
}

size_t pn_slots_purge_locked(struct pn_heap *heap, uint64_t age_ms)
{
	size_t count = 0;
	size_t slot;

	while ((slot = oldest_empty(heap, age_ms)) != SIZE_MAX) {
		size_t punched = punch_run(heap, slot);

		if (!punched)
			break;
		count += punched;
	}
	return count;
}

void pn_slots_emptied_locked(struct pn_heap *heap, size_t index)
{
	struct pn_slot *slot = &pn_arena.slots[index];

	set_state(slot, PN_SLOT_EMPTY);
	slot->emptied_ms = pn_sys_now_ms();
	pn_slot_list_push(&heap->empty, index);
	heap->stats.empty_chunks++;
	if (index < heap->hint)
		heap->hint = index;
}

/*
 * A child may live for long, so the pauses between looks whether it has gone grow.
 */
static void mend(struct pn_heap *heap)
{
	uint64_t now = pn_sys_now_ms();

	if (now < heap->mend_ms)
		return;
	if (heap->mend_pause_ms < MEND_PAUSE_MAX_MS)
		heap->mend_pause_ms *= 2;
	heap->mend_ms = now + heap->mend_pause_ms;
	if (!heap->pool.is_open || heap->pool.backend->mend(&heap->pool))
		heap->mend_pause_ms = 0;
}

void pn_slots_tidy_locked(struct pn_heap *heap)
{
	/* Looking at the clock each time would cost more than what it is done in. */
	if (heap->decay_ms && ++heap->calls % TIDY_CALLS)
		return;
	if (heap->empty.last)
		pn_slots_purge_locked(heap, heap->decay_ms);
	if (pn_unlikely(heap->mend_pause_ms))
		mend(heap);
}

/* Runs of slots. */

/* @slot may become part of a run: it is empty, or can be populated. */
static bool is_available(const struct pn_heap *heap, size_t slot)
{
	uint32_t owner = pn_arena_owner(slot);

	if (owner != heap->pool.number)
		return !owner;
	return pn_arena.slots[slot].state == PN_SLOT_HOLE ||
	       is_punchable(heap, &pn_arena.slots[slot]);
}

/* Slots that are looked at together: a large object, an extent of somebody else's. */
static size_t unavailable_run(const struct pn_heap *heap, size_t slot)
{
	size_t extent = pn_arena_extent_slots();

	if (pn_arena_owner(slot) != heap->pool.number)
		return extent - slot % extent;
	return pn_arena.slots[slot].state == PN_SLOT_LARGE ? pn_arena.slots[slot].run : 1;
}

/* With guards no two runs touch: before each and behind it is a slot without memory. */
static bool can_end_at(const struct pn_heap *heap, size_t slot)
{
	return !heap->pool.has_guards ||
	       (slot < pn_arena_slot_count() && pn_arena.slots[slot].state == PN_SLOT_HOLE);
}

static bool can_begin_at(const struct pn_heap *heap, size_t slot)
{
	return !heap->pool.has_guards || !slot || pn_arena.slots[slot - 1].state == PN_SLOT_HOLE;
}

/* First fit from the hint. Return: first slot of the run, or SIZE_MAX. */
static size_t find_run(struct pn_heap *heap, size_t count, size_t alignment)
{
	size_t total = pn_arena_slot_count(), first, at;

	while (heap->hint < total && !is_available(heap, heap->hint))
		heap->hint += unavailable_run(heap, heap->hint);
	first = pn_round_up(heap->hint, alignment);
	at = first;
	while (first + count <= total) {
		if (at == first + count) {
			if (can_begin_at(heap, first) && can_end_at(heap, first + count))
				return first;
			first = pn_round_up(first + 1, alignment);
			at = first;
			continue;
		}
		if (is_available(heap, at)) {
			at++;
			continue;
		}
		at += unavailable_run(heap, at);
		first = pn_round_up(at, alignment);
		at = first;
	}
	return SIZE_MAX;
}

/* Slots of a run that have no memory yet. */
static size_t count_holes(size_t first, size_t count)
{
	size_t holes = 0;

	for (size_t i = 0; i < count; i++)
		holes += pn_arena.slots[first + i].state == PN_SLOT_HOLE;
	return holes;
}

/* Fill the run's holes, each stretch of them at once; they become EMPTY slots. */
static int fill_holes(struct pn_heap *heap, size_t first, size_t count)
{
	size_t i = 0;
	int err = 0;

	while (i < count && !err) {
		size_t holes = 0;

		while (i + holes < count && pn_arena.slots[first + i + holes].state == PN_SLOT_HOLE)
			holes++;
		if (holes)
			err = populate(heap, first + i, holes);
		for (size_t k = 0; !err && k < holes; k++)
			pn_slots_emptied_locked(heap, first + i + k);
		i += holes ? holes : 1;
	}
	return err;
}

static bool is_over_limit(const struct pn_heap *heap, size_t count)
{
	return heap->stats.chunks + count > heap->limit_chunks;
}

/* Populate what is needed of a run that is available, and take it. Return: as populate(). */
static int fill_run(struct pn_heap *heap, size_t first, size_t count, bool *is_zeroed)
{
	size_t holes = count_holes(first, count);
	int err;

	if (is_over_limit(heap, holes))
		return ENOMEM;
	*is_zeroed = holes == count;
	pn_arena_claim(first, count, heap->pool.number);
	err = fill_holes(heap, first, count);
	for (size_t i = 0; !err && i < count; i++)
		take_from_empty(heap, first + i);
	return err;
}

static int try_run(struct pn_heap *heap, size_t count, size_t alignment, size_t *first,
		   bool *is_zeroed)
{
	*first = find_run(heap, count, alignment);
	return *first == SIZE_MAX ? ENOMEM : fill_run(heap, *first, count, is_zeroed);
}

static int open_again(struct pn_heap *heap)
{
	int err;

	heap->pool.backend->disown(&heap->pool);
	err = heap->pool.backend->open(&heap->pool);
	heap->pool.is_open = !err;
	return err;
}

/* Slots that the old pool has are left alone from now on. */
static void start_afresh(struct pn_heap *heap)
{
	heap->pool.number = pn_arena_new_pool();
	heap->hint = 0;
}

/*
 * A run of populated slots, in no list. Tries again after what can help: a new
 * pool when the old one is lost, giving empty chunks back when memory is short.
 */
static int take_run(struct pn_heap *heap, size_t count, size_t alignment, size_t *first,
		    bool *is_zeroed)
{
	int err;

	if (!heap->pool.is_open && open_again(heap))
		return ENOMEM;
	err = try_run(heap, count, alignment, first, is_zeroed);
	if (err == PN_BACKEND_LOST) {
		if (open_again(heap))
			return ENOMEM;
		start_afresh(heap);
		err = try_run(heap, count, alignment, first, is_zeroed);
	} else if (err && pn_slots_purge_locked(heap, 0)) {
		err = try_run(heap, count, alignment, first, is_zeroed);
	}
	return err;
}

/* One chunk: the newest EMPTY one, whose pool does not matter, or a new one. */
size_t pn_slots_take_one_locked(struct pn_heap *heap)
{
	bool is_zeroed;
	size_t slot;

	if (!heap->empty.first)
		return take_run(heap, 1, 1, &slot, &is_zeroed) ? SIZE_MAX : slot;
	slot = heap->empty.first - 1;
	take_from_empty(heap, slot);
	return slot;
}

/* Large objects. */

static void set_tail(struct pn_heap *heap, size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		set_state(&pn_arena.slots[first + i], PN_SLOT_LARGE_TAIL);
		memset(pn_arena.slots[first + i].fresh, 0, sizeof(pn_arena.slots->fresh));
	}
	heap->stats.large_chunks += count;
}

size_t pn_slots_take(struct pn_heap *heap, size_t count, size_t alignment, bool *is_zeroed)
{
	size_t first = SIZE_MAX;

	if (count > pn_arena_slot_count())
		return SIZE_MAX;
	pn_arena_lock();
	pn_slots_tidy_locked(heap);
	if (take_run(heap, count, alignment, &first, is_zeroed)) {
		first = SIZE_MAX;
	} else {
		set_tail(heap, first, count);
		set_state(&pn_arena.slots[first], PN_SLOT_LARGE);
		pn_arena.slots[first].run = (uint32_t)count;
		pn_arena.slots[first].was_large = false;
	}
	pn_arena_unlock();
	return first;
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
	size_t behind = first + count;
	bool is_zeroed, is_done = false;

	pn_arena_lock();
	if (more <= pn_arena_slot_count() - behind && heap->pool.is_open &&
	    are_available(heap, behind, more) && can_end_at(heap, behind + more) &&
	    !fill_run(heap, behind, more, &is_zeroed)) {
		set_tail(heap, behind, more);
		pn_arena.slots[first].run = (uint32_t)(count + more);
		is_done = true;
	}
	pn_arena_unlock();
	return is_done;
}

void pn_slots_give(struct pn_heap *heap, size_t first, size_t count)
{
	pn_arena_lock();
	for (size_t i = 0; i < count; i++)
		pn_slots_emptied_locked(heap, first + i);
	heap->stats.large_chunks -= count;
	pn_slots_tidy_locked(heap);
	pn_arena_unlock();
}

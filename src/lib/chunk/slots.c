// SPDX-License-Identifier: MIT
/*
 * A heap's slots: populates the runs that search.c finds, and keeps the entries of large objects
 * and raw runs. All functions need the arena's lock, which is taken once for a slab or a large
 * object, not once for each small object. The lock is released while the backend populates slots:
 * pn_work_at() protects them meanwhile. In a child that is forked then, these slots are holes of
 * the parent's pool, and the child never uses them. Fast paths read the arena's tables without the
 * lock: a slot's entries are complete before the first pointer into the slot is handed out.
 */
#include "chunk/slots.h"

#include <errno.h>

#include "arena/space.h"
#include "arena/window.h"
#include "arena/work.h"
#include "backend/devices.h"
#include "chunk/discard.h"
#include "chunk/forks.h"
#include "chunk/idle.h"
#include "chunk/keep.h"
#include "chunk/limit.h"
#include "chunk/prefault.h"
#include "chunk/search.h"
#include "os/confined.h"
#include "os/probe.h"

/* The largest number of chunks that a backend is asked for at once. */
#define BATCH_MAX 64

/* An object of this many chunks, 32 MiB, is huge. The C library's malloc maps such objects, too. */
#define HUGE_CHUNKS 16

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
		holes += pn_search_is_hole(first + i);
	return holes;
}

/* Filling. */

/*
 * Assigns slots to the heap's pool. Returns 0, ENOSPC, or PN_BACKEND_FOREIGN if another pool has
 * claimed some of the slots while this thread did not hold the lock.
 */
static int claim(struct pn_heap *heap, size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pn_arena_owner(first + i) && pn_arena_owner(first + i) != heap->pool.number)
			return PN_BACKEND_FOREIGN;
	return pn_arena_claim(first, count, heap->pool.number, &heap->pool.claims);
}

/*
 * Calls the backend without the lock, with a copy of the pool: another thread may find the pool
 * lost meanwhile, and replace it. Returns what the backend returns, or PN_BACKEND_FORKED.
 */
static int populate(struct pn_heap *heap, const struct pn_slot_run *run, size_t first, size_t count,
		    uint64_t *phys)
{
	struct pn_pool pool = heap->pool;
	int err;

	pn_arena_pause();
	if (run->is_contiguous)
		err = pool.backend->populate_run(&pool, first, count, phys);
	else
		err = pool.backend->populate(&pool, first, count, phys);
	if (!err && heap->is_realtime)
		pn_prefault(first, count);
	if (!pn_arena_resume())
		return PN_BACKEND_FORKED;
	heap->stats.populate_calls++;
	return err;
}

/* Gives slots back that no device can reach. Returns ENOBUFS, or an error. */
static int unpopulate(struct pn_heap *heap, uint32_t number, size_t first, size_t count)
{
	struct pn_pool pool = heap->pool;
	int err = PN_BACKEND_LOST;

	if (pool.number == number) {
		pn_arena_pause();
		err = pool.backend->punch(&pool, first, count);
		if (!pn_arena_resume())
			return PN_BACKEND_FORKED;
	}
	return err ? PN_BACKEND_LOST : ENOBUFS;
}

/* Stores the address of chunk @index of a contiguous run, whose first chunk is at @first. */
static void spread(uint64_t *phys, size_t index, uint64_t first)
{
	*phys = first == PN_PHYS_UNKNOWN ? first : first + ((uint64_t)index << PN_CHUNK_SHIFT);
}

/*
 * Makes populated slots chunks of the heap: devices can reach them, and they have addresses.
 * @forks: how many forks had ended when the addresses were looked up.
 */
static void publish(struct pn_heap *heap, const struct pn_slot_run *run, size_t first, size_t count,
		    const uint64_t *phys, uint32_t forks)
{
	const struct pn_backend *backend = heap->pool.backend;
	bool has_moved = backend->after_fork && forks != pn_forks_count();

	for (size_t i = 0; i < count; i++) {
		uint64_t at = run->is_contiguous ? 0 : phys[i];

		if (run->is_contiguous)
			spread(&at, i, *phys);
		if (has_moved)
			at = backend->after_fork(first + i);
		pn_idle_fill_locked(heap, first + i, 1, &at);
	}
}

/* Fills up to BATCH_MAX holes, or all holes of a contiguous run, by one call of the backend. */
static int fill_batch(struct pn_heap *heap, const struct pn_slot_run *run, size_t first,
		      size_t count)
{
	uint32_t number = heap->pool.number, forks = pn_forks_count();
	uint64_t phys[BATCH_MAX];
	int err = claim(heap, first, count);

	if (!err)
		err = populate(heap, run, first, count, phys);
	if (!err && pn_devices_map_new_locked(first, count))
		err = unpopulate(heap, number, first, count);
	else if (!err)
		publish(heap, run, first, count, phys, forks);
	return err;
}

/*
 * Fills @count neighbouring holes of the run, unless the process filters its system calls; after an
 * error, some of them may be filled. Claims slots batch by batch, so that a failure leaves at most
 * one batch claimed but not filled.
 */
static int fill_neighbours(struct pn_heap *heap, const struct pn_slot_run *run, size_t first,
			   size_t count)
{
	int err = pn_confined_ask() ? ENOMEM : 0;

	for (size_t done = 0, some; !err && done < count; done += some) {
		some = count - done;
		if (some > BATCH_MAX && !run->is_contiguous)
			some = BATCH_MAX;
		err = fill_batch(heap, run, first + done, some);
	}
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

		while (i + holes < run->count && pn_search_is_hole(at + holes))
			holes++;
		if (holes)
			err = fill_neighbours(heap, run, at, holes);
		i += holes ? holes : 1;
	}
	return err;
}

/* Takes those slots of a run out of the cache that have memory. */
static void take_idle(struct pn_heap *heap, const struct pn_slot_run *run)
{
	for (size_t i = run->first; i < run->first + run->count; i++)
		if (!pn_search_is_hole(i))
			pn_idle_take_locked(heap, i);
}

/* Puts the memory of a run that could not be filled into the cache. */
static void put_idle(struct pn_heap *heap, const struct pn_slot_run *run)
{
	for (size_t i = run->first; i < run->first + run->count; i++)
		if (!pn_search_is_hole(i))
			pn_idle_put_locked(heap, i);
	if (run->first < heap->hint)
		heap->hint = run->first;
	pn_limit_cancel(heap, count_holes(run->first, run->count));
}

/*
 * Fills the holes of an available run, and takes all its slots. Releases the lock meanwhile.
 * Returns 0, EFBIG if a limit would be exceeded, or an error of fill_batch().
 */
static int fill_run(struct pn_heap *heap, struct pn_slot_run *run)
{
	struct pn_work work = { .first = run->first, .count = run->count };
	size_t holes = count_holes(run->first, run->count);
	int err;

	if (!pn_limit_reserve(heap, holes))
		return EFBIG;
	run->is_zeroed = holes == run->count;
	take_idle(heap, run);
	pn_work_begin_locked(&work);
	err = holes ? fill_holes(heap, run) : 0;
	pn_work_end_locked(&work);
	if (err && err != PN_BACKEND_FORKED)
		put_idle(heap, run);
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
		err = pn_search_find(heap, run) ? fill_run(heap, run) : ENOSPC;
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
 * Takes a run of slots, which are then populated and in no list. If the pool is lost, tries once
 * more with a new pool, which another thread may have opened already.
 */
static int take_run(struct pn_heap *heap, struct pn_slot_run *run)
{
	uint32_t number = heap->pool.number;
	int err = heap->pool.is_open ? 0 : open_again(heap);

	if (err)
		return err;
	err = try_run(heap, run);
	if (err != PN_BACKEND_LOST)
		return err;
	if (heap->pool.number == number) {
		abandon_pool(heap);
		err = open_again(heap);
		if (err)
			return err;
	}
	err = try_run(heap, run);
	/* The program closes the library's descriptor again and again. */
	return err == PN_BACKEND_LOST ? EBADF : err;
}

/* Remembers why a request has failed, for messages. */
static void note_refusal_locked(struct pn_heap *heap, const struct pn_slot_run *run, int err)
{
	pn_arena_assert_held();
	/* That a run is missing says nothing about single chunks. */
	if (run->is_contiguous && (err == ENOMEM || err == EOPNOTSUPP)) {
		heap->stats.refused_runs++;
		err = EADDRNOTAVAIL;
	} else if (!pn_limit_is_over(heap, run->count)) {
		pn_keep_note_shortage_locked(heap);
	}
	__atomic_store_n(&heap->refusal, err, __ATOMIC_RELAXED);
}

/*
 * An EMPTY slot is taken whatever pool it is from; only a new slot must be from the current pool.
 * After a failure, the cache may contain a slot that another thread has freed meanwhile.
 */
size_t pn_slots_take_one_locked(struct pn_heap *heap)
{
	struct pn_slot_run run = { .count = 1, .alignment = 1 };
	size_t slot;
	int err;

	pn_arena_assert_held();
	if (!heap->empty.first) {
		err = take_run(heap, &run);
		if (!err)
			return run.first;
		if (err == PN_BACKEND_FORKED)
			return SIZE_MAX;
		if (!heap->empty.first) {
			note_refusal_locked(heap, &run, err);
			return SIZE_MAX;
		}
	}
	slot = heap->empty.first - 1;
	pn_idle_take_locked(heap, slot);
	return slot;
}

/* Large objects. */

static void set_used(struct pn_slot *slot, enum pn_slot_state state)
{
	pn_slot_set_state(slot, state);
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
	pn_space_note_locked(first + from, to - from, true);
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
	pn_space_note_locked(run->first, run->count, true);
	heap->stats.raw_chunks += run->count;
}

/* Tries to take a run. Returns what take_run() returns. */
static int take(struct pn_heap *heap, struct pn_slot_run *run)
{
	int err;

	pn_arena_lock();
	err = take_run(heap, run);
	if (!err && run->is_raw)
		set_raw(heap, run);
	else if (!err)
		set_large(heap, run);
	if (err != PN_BACKEND_FORKED)
		pn_idle_look_locked(heap);
	pn_arena_unlock();
	return err;
}

/*
 * After a failure, tries once more without the idle chunks. If that fails as well, gives back the
 * chunks that are already there, since other processes may need them.
 */
bool pn_slots_take(struct pn_heap *heap, struct pn_slot_run *run)
{
	int err;

	if (run->count > pn_arena_slot_limit() ||
	    run->alignment > PN_ARENA_ALIGNMENT / PN_CHUNK_SIZE)
		return false;
	/* The physical memory for a contiguous run may lie in idle chunks. */
	if (run->is_contiguous)
		pn_idle_purge(heap);
	err = run->is_contiguous && !heap->pool.backend->populate_run ? EOPNOTSUPP
								      : take(heap, run);
	if (err && err != EOPNOTSUPP && pn_idle_purge(heap)) {
		err = take(heap, run);
		if (err)
			pn_idle_purge(heap);
	}
	if (err && err != PN_BACKEND_FORKED) {
		pn_arena_lock();
		note_refusal_locked(heap, run, err);
		pn_arena_unlock();
	}
	pn_idle_tidy(heap);
	return !err;
}

bool pn_slots_extend(struct pn_heap *heap, size_t first, size_t count, size_t more)
{
	struct pn_slot_run run = { .count = more, .first = first + count };
	bool is_done = false;

	pn_arena_lock();
	pn_assert(more && pn_arena.slots[first].run == count);
	if (!pn_heap_wants_run(heap, count + more) && more <= pn_arena_slot_limit() - run.first &&
	    heap->pool.is_open && pn_search_can_follow(heap, &run) && !fill_run(heap, &run)) {
		set_tail(heap, first, count, count + more);
		pn_arena.slots[first].run = (uint32_t)(count + more);
		is_done = true;
	}
	pn_arena_unlock();
	pn_idle_tidy(heap);
	return is_done;
}

static void give_locked(struct pn_heap *heap, size_t first, size_t count)
{
	pn_arena_assert_held();
	pn_assert(count && heap->stats.large_chunks >= count);
	pn_space_note_locked(first, count, false);
	for (size_t i = 0; i < count; i++) {
		pn_assert(pn_arena.slots[first + i].state == PN_SLOT_LARGE ||
			  pn_arena.slots[first + i].state == PN_SLOT_LARGE_TAIL);
		pn_idle_add_locked(heap, first + i);
	}
	heap->stats.large_chunks -= count;
	pn_search_note_freed(heap, first, count);
	pn_idle_look_locked(heap);
}

/*
 * Gives a huge object back at once where the kernel zeroes memory page by page, when it is touched:
 * there, new chunks cost no more than idle ones, and calloc() need not zero them.
 */
void pn_slots_give(struct pn_heap *heap, size_t first, size_t count)
{
	bool is_own;

	pn_arena_lock();
	/* Otherwise the process was forked between the free and here. */
	is_own = pn_arena.slots[first].epoch == pn_arena.epoch;
	if (is_own)
		give_locked(heap, first, count);
	pn_arena_unlock();
	if (is_own && count >= HUGE_CHUNKS && heap->pool.backend->has_small_pages)
		pn_idle_give_back(heap, first, count);
	pn_idle_tidy(heap);
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
	pn_idle_tidy(heap);
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

static bool is_inherited(size_t slot)
{
	return pn_arena.slots[slot].epoch != pn_arena.epoch;
}

/*
 * Takes the first of @count raw slots from their owner, as many as are inherited, or as many as are
 * not. The latter become idle; the caller must discard inherited ones. Return: how many slots; 0 if
 * not all of the @count slots are raw.
 */
static size_t take_raw(size_t first, size_t count, bool *must_discard)
{
	struct pn_heap *heap;
	size_t some = 0;

	pn_arena_lock();
	heap = pn_arena.slots[first].heap;
	*must_discard = is_inherited(first);
	if (!are_raw(first, count))
		count = 0;
	for (; some < count && is_inherited(first + some) == *must_discard; some++) {
		if (*must_discard)
			continue;
		pn_idle_add_locked(heap, first + some);
		pn_assert(heap->stats.raw_chunks);
		heap->stats.raw_chunks--;
	}
	if (some && !*must_discard)
		pn_idle_look_locked(heap);
	pn_arena_unlock();
	if (some && !*must_discard)
		pn_idle_tidy(heap);
	return some;
}

bool pn_slots_give_raw(size_t first, size_t count)
{
	bool must_discard;

	for (size_t some; count; first += some, count -= some) {
		some = take_raw(first, count, &must_discard);
		if (!some)
			return false;
		if (must_discard)
			pn_discard_slots(first, some);
	}
	return true;
}

// SPDX-License-Identifier: MIT
/*
 * The cache of a heap's idle chunks, which have memory and hold nothing (EMPTY): chunks enter it
 * when they get memory and when their last object is freed, and leave it to hold something or to be
 * given back. The arena's lock covers the cache. The lock is released while the backend takes
 * chunks back: pn_work_at() protects their slots meanwhile.
 *
 * Chunks are given back in three steps: under the lock they become LEAVING, without any lock they
 * are announced (announce.h), and then the backend takes them back. A program that intercepts the
 * announcement may allocate, free, map and fork meanwhile. Only the outermost function of a call
 * into the library may therefore announce memory, and a slow path that finds decayed chunks only
 * notes the heap in pn_idle_due.
 */
#include "chunk/idle.h"

#include <string.h>

#include "arena/space.h"
#include "arena/work.h"
#include "backend/devices.h"
#include "chunk/forks.h"
#include "chunk/keep.h"
#include "chunk/limit.h"
#include "chunk/registrar.h"
#include "os/announce.h"
#include "os/child.h"
#include "os/confined.h"
#include "os/probe.h"
#include "os/sys.h"

/*
 * The pauses between checks whether all forked children have gone double, until one is at least as
 * long as this.
 */
#define REMAP_PAUSE_MAX_MS 1000

/* How many calls of slow paths lie between two searches for chunks that have decayed. */
#define TIDY_CALLS 8

/* The largest number of chunks that are given back to a backend at once. */
#define BATCH_MAX 64

/*
 * The largest number of decayed chunks that one call gives back. The kernel needs about 0.2 ms for
 * a chunk, and the call may be any free(). The next calls give back the other chunks.
 */
#define STEP 4

struct pn_heap *pn_idle_due;

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
	memset(&heap->keep, 0, sizeof(heap->keep));
	pn_limit_reset_peak();
}

/* The counts may be inconsistent: another thread may have been changing them at the fork. */
void pn_idle_in_child(struct pn_heap *heap)
{
	pn_limit_in_child();
	heap->leaving = 0;
	__atomic_store_n(&pn_idle_due, NULL, __ATOMIC_RELAXED);
	heap->stats = (struct pn_heap_stats){ 0 };
	pn_idle_forget(heap);
}

/* Returns true if the heap's list contains only EMPTY chunks, and as many as were counted. */
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

/**
 * struct leaving - neighbouring chunks that are about to be given back; their slots are LEAVING
 * @heap: their heap
 * @epoch: the epoch in which they became LEAVING
 * @is_excess: they leave because the heap has too many idle chunks
 * @is_decayed: they leave because of their age
 * @work: their slots
 * @phys: their physical addresses, for slots that become EMPTY again
 */
struct leaving {
	struct pn_heap *heap;
	uint32_t epoch;
	bool is_excess;
	bool is_decayed;
	struct pn_work work;
	uint64_t phys[BATCH_MAX];
};

/* Returns the first of up to @most neighbouring EMPTY slots that end with @last. */
static size_t find_first(const struct pn_heap *heap, size_t last, size_t most)
{
	size_t first = last;

	while (first && last - first + 1 < most &&
	       pn_idle_is_punchable(heap, &pn_arena.slots[first - 1]))
		first--;
	return first;
}

/* Makes up to @most EMPTY slots from @first on LEAVING, so that nobody takes them. */
static void begin_leaving_locked(struct pn_heap *heap, size_t first, size_t most,
				 struct leaving *leaving)
{
	size_t count = 0;

	pn_arena_assert_held();
	for (; count < most && first + count < pn_arena_slot_count() &&
	       pn_idle_is_punchable(heap, &pn_arena.slots[first + count]);
	     count++) {
		leaving->phys[count] = pn_arena.phys[first + count] - 1;
		make_hole(heap, first + count);
		pn_slot_set_state(&pn_arena.slots[first + count], PN_SLOT_LEAVING);
	}
	pn_assert(count);
	leaving->heap = heap;
	leaving->epoch = pn_arena.epoch;
	leaving->is_excess = false;
	leaving->is_decayed = false;
	leaving->work = (struct pn_work){ .first = first, .count = count };
	heap->leaving++;
}

/*
 * Makes chunks usable again that the backend did not take back. The announcement may have discarded
 * the contents, and with them the physical page of a backend whose chunks can move.
 */
static void keep(struct pn_heap *heap, const struct leaving *leaving)
{
	const struct pn_backend *backend = heap->pool.backend;

	pn_devices_map_again_locked(leaving->work.first, leaving->work.count);
	for (size_t i = 0; i < leaving->work.count; i++) {
		size_t slot = leaving->work.first + i;
		uint64_t phys = backend->after_fork ? backend->after_fork(slot) : leaving->phys[i];

		pn_forks_set_phys(backend, slot, phys);
		pn_idle_add_locked(heap, slot);
	}
}

/* Has the backend take chunks back, without the lock. Return: 0, or an error of punch(). */
static int punch(struct pn_heap *heap, const struct pn_work *work)
{
	struct pn_pool pool = heap->pool;
	int err;

	/* Meanwhile the pool may have been lost, and the heap may have another one. */
	if (pn_arena.slots[work->first].pool != pool.number)
		return PN_BACKEND_LOST;
	heap->stats.punch_calls++;
	PN_PROBE2(punch, work->first, work->count);
	pn_arena_pause();
	err = pool.backend->punch(&pool, work->first, work->count);
	return pn_arena_resume() ? err : PN_BACKEND_FORKED;
}

/* Counts chunks that were given back. */
static void count_given_locked(struct pn_heap *heap, const struct leaving *leaving)
{
	pn_arena_assert_held();
	pn_limit_subtract(heap, leaving->work.count);
	if (leaving->is_excess)
		pn_keep_note_excess_given_locked(heap, leaving->work.count);
	if (leaving->is_decayed)
		pn_keep_note_decayed_locked(heap);
}

/*
 * Gives LEAVING chunks back; releases the lock while the backend works. If the backend refuses, the
 * slots become EMPTY again and can be used. Return: how many chunks were given back.
 */
static size_t end_leaving_locked(struct leaving *leaving)
{
	struct pn_heap *heap = leaving->heap;
	struct pn_work *work = &leaving->work;
	int err;

	pn_arena_assert_held();
	for (size_t i = 0; i < work->count; i++)
		pn_slot_set_state(&pn_arena.slots[work->first + i], PN_SLOT_HOLE);
	pn_work_begin_locked(work);
	pn_devices_unmap_locked(work->first, work->count);
	err = punch(heap, work);
	pn_work_end_locked(work);
	if (err == PN_BACKEND_FORKED)
		return 0;
	pn_assert(heap->leaving);
	heap->leaving--;
	if (work->first < heap->hint)
		heap->hint = work->first;
	if (err) {
		keep(heap, leaving);
		/* Otherwise each of the next calls would try again. */
		pn_keep_accept_excess_locked(heap);
		return 0;
	}
	count_given_locked(heap, leaving);
	return work->count;
}

/*
 * Has registrars remove the keys of LEAVING chunks, announces the chunks, and then gives them back.
 * If a registrar or an interceptor of the announcement forks, the chunks are inherited in the
 * child, and stay. Return: how many were given back.
 */
static size_t leave(struct leaving *leaving)
{
	size_t count = 0;

	pn_registrars_forget(leaving->work.first, leaving->work.count, leaving->epoch);
	pn_announce(pn_arena_slot_at(leaving->work.first), leaving->work.count << PN_CHUNK_SHIFT);
	pn_child_settle();
	pn_arena_lock();
	if (leaving->epoch == pn_arena.epoch)
		count = end_leaving_locked(leaving);
	pn_arena_unlock();
	return count;
}

/* Which idle chunks are given back. */
enum wanted {
	DUE, /* excess ones, and those that have decayed */
	ALL,
	ALL_OF_ENDING, /* all, of a heap that the caller destroys */
};

/*
 * Makes the oldest EMPTY chunk and its neighbours LEAVING if the chunk is at least @age_ms old.
 * Reduces *@most, the number of chunks that may leave, to @count. Return: false if no chunk is to
 * leave.
 */
static bool begin_leaving_oldest_locked(struct pn_heap *heap, uint64_t age_ms, size_t count,
					size_t *most, struct leaving *leaving)
{
	size_t slot = heap->empty.last ? find_oldest(heap, age_ms) : SIZE_MAX, most_at_once;

	pn_arena_assert_held();
	if (slot == SIZE_MAX || pn_confined_ask())
		return false;
	if (*most > count)
		*most = count;
	most_at_once = *most < BATCH_MAX ? *most : BATCH_MAX;
	begin_leaving_locked(heap, find_first(heap, slot, most_at_once), most_at_once, leaving);
	return true;
}

/* The same for chunks that are due: excess ones, or a STEP of those that have decayed. */
static bool begin_leaving_due_locked(struct pn_heap *heap, size_t *most, struct leaving *leaving)
{
	uint64_t age_ms = pn_keep_age_locked(heap), excess = pn_keep_count_excess_locked(heap);

	pn_arena_assert_held();
	if (excess && age_ms) {
		if (begin_leaving_oldest_locked(heap, 0, excess, most, leaving)) {
			leaving->is_excess = true;
			return true;
		}
		pn_keep_accept_excess_locked(heap);
		return false;
	}
	if (!begin_leaving_oldest_locked(heap, age_ms, age_ms ? STEP : heap->stats.empty_chunks,
					 most, leaving))
		return false;
	leaving->is_decayed = age_ms;
	return true;
}

/* Calls the function that makes the @wanted chunks LEAVING. Return: what that function returns. */
static bool begin_leaving(struct pn_heap *heap, enum wanted wanted, size_t *most,
			  struct leaving *leaving)
{
	bool is_found = false;

	if (!pn_arena_lock_inside())
		return false;
	if (heap->is_ending == (wanted == ALL_OF_ENDING) && !heap->is_realtime)
		is_found = wanted == DUE
				   ? begin_leaving_due_locked(heap, most, leaving)
				   : begin_leaving_oldest_locked(heap, 0, heap->stats.empty_chunks,
								 most, leaving);
	pn_arena_unlock();
	return is_found;
}

/*
 * Gives back no more chunks than were idle at first: an interceptor that frees a chunk in each
 * announcement must not keep the thread here for ever. Return: how many chunks.
 */
static size_t give_back(struct pn_heap *heap, enum wanted wanted)
{
	struct leaving leaving;
	size_t most = SIZE_MAX, count = 0, more = 1;

	while (more && most && pn_announce_is_possible() &&
	       begin_leaving(heap, wanted, &most, &leaving)) {
		more = leave(&leaving);
		count += more;
		most -= leaving.work.count;
	}
	return count;
}

/*
 * Makes slot @first and the EMPTY slots that follow it LEAVING, at most @count slots. Return: false
 * if @first is not EMPTY.
 */
static bool begin_leaving_at(struct pn_heap *heap, size_t first, size_t count,
			     struct leaving *leaving)
{
	bool is_found = false;

	if (!pn_arena_lock_inside())
		return false;
	/* Other threads may have taken slots meanwhile. */
	if (pn_idle_is_punchable(heap, &pn_arena.slots[first]) && !heap->is_ending &&
	    !heap->is_realtime) {
		begin_leaving_locked(heap, first, count < BATCH_MAX ? count : BATCH_MAX, leaving);
		is_found = true;
	}
	pn_arena_unlock();
	return is_found;
}

void pn_idle_give_back(struct pn_heap *heap, size_t first, size_t count)
{
	struct leaving leaving;

	for (size_t end = first + count, some;
	     first < end && pn_announce_is_possible() && !pn_confined_ask(); first += some) {
		some = 1;
		if (begin_leaving_at(heap, first, end - first, &leaving))
			some = leave(&leaving);
		if (!some)
			break;
	}
}

size_t pn_idle_purge(struct pn_heap *heap)
{
	return give_back(heap, ALL);
}

size_t pn_idle_purge_ending(struct pn_heap *heap)
{
	return give_back(heap, ALL_OF_ENDING);
}

/* With a decay time of 0, the caller has asked to give back at once whatever it frees. */
void pn_idle_give_due(void)
{
	struct pn_heap *heap = NULL;

	if (pn_announce_is_possible())
		heap = __atomic_exchange_n(&pn_idle_due, NULL, __ATOMIC_ACQUIRE);
	if (heap && give_back(heap, DUE) == STEP)
		__atomic_store_n(&pn_idle_due, heap, __ATOMIC_RELEASE);
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
	if (pn_space_is_used(index))
		pn_space_note_locked(index, 1, false);
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

/* Returns true if some idle chunks are excess, or have decayed. */
static bool has_due_locked(struct pn_heap *heap)
{
	pn_arena_assert_held();
	return heap->empty.last && !heap->is_realtime &&
	       (pn_keep_count_excess_locked(heap) ||
		find_oldest(heap, pn_keep_age_locked(heap)) != SIZE_MAX);
}

static void look_locked(struct pn_heap *heap)
{
	pn_arena_assert_held();
	if (pn_unlikely(heap->remap_pause_ms) || has_due_locked(heap))
		__atomic_store_n(&heap->is_due, true, __ATOMIC_RELAXED);
}

/* Reading the clock each time would cost more than the slow path itself. */
void pn_idle_look_locked(struct pn_heap *heap)
{
	pn_arena_assert_held();
	pn_forks_notice_locked(heap);
	if (pn_keep_count_excess_locked(heap) || !heap->decay_ms || heap->keep.short_ms ||
	    !(++heap->calls % TIDY_CALLS))
		look_locked(heap);
}

static void tidy_locked(struct pn_heap *heap)
{
	pn_arena_assert_held();
	/* Of several threads that find the housekeeping due, one does it. */
	if (!__atomic_exchange_n(&heap->is_due, false, __ATOMIC_RELAXED))
		return;
	if (pn_unlikely(heap->remap_pause_ms))
		remap(heap);
	if (has_due_locked(heap))
		__atomic_store_n(&pn_idle_due, heap, __ATOMIC_RELEASE);
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
	look_locked(heap);
	tidy_locked(heap);
	pn_arena_unlock();
	return pn_idle_is_due();
}

void pn_idle_fill_locked(struct pn_heap *heap, size_t first, size_t count, const uint64_t *phys)
{
	pn_arena_assert_held();
	pn_limit_add(heap, count);
	pn_keep_note_filled_locked(heap, count);
	for (size_t i = 0; i < count; i++) {
		set_filled(heap, first + i, phys[i]);
		pn_slot_set_state(&pn_arena.slots[first + i], PN_SLOT_EMPTY);
	}
}

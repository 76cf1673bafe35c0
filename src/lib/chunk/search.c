// SPDX-License-Identifier: MIT
/*
 * Finds runs of slots; see search.h. The runs that were freed last are looked at first. After them,
 * the search goes to the lowest slots that hold nothing (arena/space.h), and from there on step by
 * step over slots that the heap cannot take although they hold nothing: those of other pools, and
 * those on which threads are working. The arena's lock is held.
 */
#include "chunk/search.h"

#include "arena/space.h"
#include "arena/work.h"
#include "chunk/idle.h"

/* Returns true if @slot may become part of a run: it is empty, or can be populated. */
static bool is_available(const struct pn_heap *heap, size_t slot)
{
	uint32_t owner = pn_arena_owner(slot);

	if (pn_work_at(slot))
		return false;
	pn_assert(!pn_space_is_used(slot) || (pn_arena.slots[slot].state != PN_SLOT_HOLE &&
					      pn_arena.slots[slot].state != PN_SLOT_EMPTY));
	if (owner != heap->pool.number)
		return !owner;
	return pn_search_is_hole(slot) || pn_idle_is_punchable(heap, &pn_arena.slots[slot]);
}

/*
 * @slot is unavailable. Returns how many slots from @slot on are unavailable for the same reason:
 * the other slots that the same thread works on, the other slots of a large object, or the rest of
 * another pool's region. For any other reason, returns 1.
 */
static size_t count_unavailable(const struct pn_heap *heap, size_t slot)
{
	const struct pn_work *work = pn_work_at(slot);

	if (work)
		return work->first + work->count - slot;
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
	return !heap->pool.has_guards ||
	       (slot < pn_arena_slot_limit() && pn_search_is_hole(slot) && !pn_work_at(slot));
}

static bool can_begin_at(const struct pn_heap *heap, size_t slot)
{
	return !heap->pool.has_guards || !slot ||
	       (pn_search_is_hole(slot - 1) && !pn_work_at(slot - 1));
}

/*
 * Returns true if @slot can be part of @run. A contiguous run is populated by one request, so all
 * its slots must be holes.
 */
static bool can_join_run(const struct pn_heap *heap, const struct pn_slot_run *run, size_t slot)
{
	return is_available(heap, slot) && (!run->is_contiguous || pn_search_is_hole(slot));
}

bool pn_search_can_follow(const struct pn_heap *heap, const struct pn_slot_run *run)
{
	size_t end = run->first + run->count;

	for (size_t slot = run->first; slot < end; slot++)
		if (!can_join_run(heap, run, slot))
			return false;
	return can_end_at(heap, end);
}

/*
 * Finds one of the runs that were freed last, so that a program that frees and allocates objects of
 * a few sizes neither searches among its other objects nor needs other chunks. A run of more than
 * twice the size is left whole.
 */
static bool find_recent(const struct pn_heap *heap, struct pn_slot_run *run)
{
	for (size_t i = 0; i < PN_RECENT_RUNS; i++) {
		size_t first = heap->recent[i].first, count = heap->recent[i].count;

		if (run->count > count || run->count <= count / 2 || first % run->alignment)
			continue;
		run->first = first;
		if (can_begin_at(heap, first) && pn_search_can_follow(heap, run))
			return true;
	}
	return false;
}

/*
 * Moves the hint to the first slot that may be available. It may be beyond the last slot that can be
 * claimed.
 */
static void advance_hint(struct pn_heap *heap)
{
	size_t slots = pn_arena_slot_limit();

	heap->hint = pn_space_find_locked(heap->hint, 1);
	while (heap->hint < slots && !is_available(heap, heap->hint)) {
		heap->hint += count_unavailable(heap, heap->hint);
		heap->hint = pn_space_find_locked(heap->hint, 1);
	}
}

/* Returns the first slot from @at on at which the run may begin. */
static size_t next_begin(const struct pn_slot_run *run, size_t at)
{
	return pn_round_up(pn_space_find_locked(at, run->count), run->alignment);
}

/* Finds the first run at or after the hint. Return: false if there is none. */
static bool find_first(struct pn_heap *heap, struct pn_slot_run *run)
{
	size_t slots = pn_arena_slot_limit(), at;

	pn_arena_assert_held();
	pn_assert(run->count && run->alignment);
	advance_hint(heap);
	run->first = next_begin(run, heap->hint);
	at = run->first;
	while (run->first + run->count <= slots) {
		if (at == run->first + run->count) {
			if (can_begin_at(heap, run->first) && can_end_at(heap, at))
				return true;
			run->first = next_begin(run, run->first + 1);
			at = run->first;
			continue;
		}
		if (can_join_run(heap, run, at)) {
			at++;
			continue;
		}
		at += count_unavailable(heap, at);
		run->first = next_begin(run, at);
		at = run->first;
	}
	return false;
}

bool pn_search_find(struct pn_heap *heap, struct pn_slot_run *run)
{
	return find_recent(heap, run) || find_first(heap, run);
}

void pn_search_note_freed(struct pn_heap *heap, size_t first, size_t count)
{
	for (size_t i = PN_RECENT_RUNS - 1; i; i--)
		heap->recent[i] = heap->recent[i - 1];
	heap->recent[0].first = first;
	heap->recent[0].count = count;
}

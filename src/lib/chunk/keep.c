// SPDX-License-Identifier: MIT
/* How many idle chunks a heap keeps, and how long; see keep.h. */
#include "chunk/keep.h"

#include "os/sys.h"

/* A heap may always keep as many idle chunks as this part of the chunks that it uses. */
#define PART_OF_USED 8

/* How many more chunks it keeps at most if the program needs them again and again; 128 MiB. */
#define EXTRA_MAX 64

/*
 * Excess chunks are given back until a few less than the most are left, so that a program that frees
 * many chunks one by one does not give them back one by one.
 */
#define FEW_LESS 4

/* Excess chunks are missed if the heap gets new ones within this part of decay_ms. */
#define PART_OF_DECAY 10

/* How long no idle chunk is kept after the backend refused memory: other processes need it. */
#define SHORTAGE_MS 1000

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Returns how many idle chunks the heap may keep. */
static uint64_t most(const struct pn_heap *heap)
{
	uint64_t part = (heap->stats.chunks - heap->stats.empty_chunks) / PART_OF_USED;

	return (part > heap->idle_chunks ? part : heap->idle_chunks) + heap->keep.extra;
}

uint64_t pn_keep_count_excess_locked(const struct pn_heap *heap)
{
	uint64_t kept = most(heap);

	pn_arena_assert_held();
	if (heap->stats.empty_chunks <= kept)
		return 0;
	return heap->stats.empty_chunks - kept + smaller(kept / 4, FEW_LESS);
}

/* Returns how long idle chunks are kept now. */
static uint64_t current_decay_ms(struct pn_heap *heap)
{
	if (pn_likely(!heap->keep.short_ms))
		return heap->decay_ms;
	if (pn_sys_now_ms() < heap->keep.short_ms)
		return 0;
	heap->keep.short_ms = 0;
	return heap->decay_ms;
}

uint64_t pn_keep_age_locked(struct pn_heap *heap)
{
	uint64_t decay_ms = current_decay_ms(heap), kept = most(heap), part;

	pn_arena_assert_held();
	part = kept + 1 - smaller(heap->stats.empty_chunks, kept);
	if (part > kept)
		return decay_ms;
	/* decay_ms * part / kept, which might be too large before the division. */
	return decay_ms / kept * part + decay_ms % kept * part / kept;
}

void pn_keep_note_filled_locked(struct pn_heap *heap, uint64_t count)
{
	uint64_t missed = smaller(count, heap->keep.given);

	pn_arena_assert_held();
	if (!missed)
		return;
	if (pn_sys_now_ms() - heap->keep.given_ms > heap->decay_ms / PART_OF_DECAY) {
		heap->keep.given = 0;
		return;
	}
	heap->keep.given -= missed;
	if (heap->keep.extra < EXTRA_MAX)
		heap->keep.extra = smaller(heap->keep.extra + missed, EXTRA_MAX);
}

void pn_keep_note_excess_given_locked(struct pn_heap *heap, uint64_t count)
{
	pn_arena_assert_held();
	heap->keep.given += count;
	heap->keep.given_ms = pn_sys_now_ms();
}

void pn_keep_note_decayed_locked(struct pn_heap *heap)
{
	pn_arena_assert_held();
	if (heap->stats.empty_chunks <= heap->idle_chunks)
		heap->keep.extra = 0;
}

void pn_keep_accept_excess_locked(struct pn_heap *heap)
{
	uint64_t kept = most(heap);

	pn_arena_assert_held();
	if (heap->stats.empty_chunks > kept)
		heap->keep.extra += heap->stats.empty_chunks - kept;
}

void pn_keep_note_shortage_locked(struct pn_heap *heap)
{
	pn_arena_assert_held();
	heap->keep.short_ms = pn_sys_now_ms() + SHORTAGE_MS;
}

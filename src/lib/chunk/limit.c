// SPDX-License-Identifier: MIT
/* Counting chunks; see limit.h. */
#include "chunk/limit.h"

#include "os/watch.h"

/*
 * Chunks of all heaps together: what they hold, what they are about to get, the most they held, and
 * the most they may hold.
 */
static uint64_t total, reserved, peak, limit = UINT64_MAX;
PN_WATCH_VARIABLE(limit_chunks, limit);
PN_WATCH_VARIABLE(peak_chunks, peak);

void pn_limit_set(uint64_t chunks)
{
	limit = chunks;
}

uint64_t pn_limit_get(void)
{
	return limit;
}

uint64_t pn_limit_peak(void)
{
	uint64_t most;

	pn_arena_lock();
	most = peak;
	pn_arena_unlock();
	return most;
}

bool pn_limit_reserve(struct pn_heap *heap, size_t count)
{
	if (pn_limit_is_over(heap, count))
		return false;
	heap->reserved += count;
	reserved += count;
	return true;
}

void pn_limit_cancel(struct pn_heap *heap, size_t count)
{
	pn_assert(heap->reserved >= count && reserved >= count);
	heap->reserved -= count;
	reserved -= count;
}

void pn_limit_add(struct pn_heap *heap, size_t count)
{
	pn_limit_cancel(heap, count);
	heap->stats.chunks += count;
	if (heap->stats.chunks > heap->stats.peak_chunks)
		heap->stats.peak_chunks = heap->stats.chunks;
	total += count;
	if (total > peak)
		peak = total;
}

void pn_limit_subtract(struct pn_heap *heap, uint64_t count)
{
	pn_assert(heap->stats.chunks >= count && total >= heap->stats.chunks);
	heap->stats.chunks -= count;
	total -= count;
}

void pn_limit_reset_peak(void)
{
	peak = total;
}

void pn_limit_in_child(void)
{
	total = 0;
	reserved = 0;
}

bool pn_limit_is_over(const struct pn_heap *heap, size_t count)
{
	return heap->stats.chunks + heap->reserved + count > heap->limit_chunks ||
	       total + reserved + count > limit;
}

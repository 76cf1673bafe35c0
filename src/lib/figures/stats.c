// SPDX-License-Identifier: MIT
/* The figures of pinned_stats() and pinned_heap_stats(), gathered from where they are kept. */

#include "chunk/empty.h"
#include "front/alloc.h"
#include "front/harden.h"
#include "front/heaps.h"
#include "front/runtime.h"
#include "object/retain.h"
#include "os/errno.h"
#include "os/sized.h"
#include "pinned.h"

/* In the first release, 0.1.0. */
#define FIRST_SIZE PN_SIZE_UP_TO(struct pinned_stats, retained_bytes)

/* What all heaps have. */
static void add_heap(struct pinned_stats *stats, struct pn_heap *heap)
{
	struct pn_heap_stats figures = pn_heap_get_stats(heap);
	uint64_t run_bytes = (figures.large_chunks + figures.raw_chunks) * PN_CHUNK_SIZE;

	stats->chunk_bytes += figures.chunks * PN_CHUNK_SIZE;
	stats->peak_chunk_bytes += figures.peak_chunks * PN_CHUNK_SIZE;
	stats->empty_chunk_bytes += figures.empty_chunks * PN_CHUNK_SIZE;
	stats->object_bytes += pn_slab_bytes_out(heap) + figures.medium_bytes + run_bytes;
	stats->large_bytes += run_bytes;
	stats->populate_calls += figures.populate_calls;
	stats->punch_calls += figures.punch_calls;
}

static void add_process(struct pinned_stats *stats)
{
	stats->cached_bytes = pn_tcache_bytes() + pn_harden_bytes();
	stats->failed_allocs = pn_alloc_failures();
	stats->retained_bytes = pn_retain_bytes();
}

int pinned_stats(struct pinned_stats *stats)
{
	struct pinned_stats sum = { 0 };
	struct pn_heap *heap;

	pn_runtime_enter();
	sum.arena_bytes = pn_arena.size;
	pn_heaps_lock();
	pn_heaps_for_each(heap)
		add_heap(&sum, heap);
	pn_heaps_unlock();
	sum.peak_chunk_bytes = pn_empty_peak() * PN_CHUNK_SIZE;
	add_process(&sum);
	return pn_answer(pn_sized_write(stats, &sum, sizeof(sum), FIRST_SIZE));
}

int pinned_heap_stats(struct pinned_heap *heap, struct pinned_stats *stats)
{
	struct pinned_stats figures = { 0 };

	pn_runtime_enter();
	figures.arena_bytes = pn_arena.size;
	add_heap(&figures, pn_heaps_of(heap));
	if (!heap)
		add_process(&figures);
	return pn_answer(pn_sized_write(stats, &figures, sizeof(figures), FIRST_SIZE));
}

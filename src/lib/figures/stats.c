// SPDX-License-Identifier: MIT
/* The figures of pinned_stats() and pinned_heap_stats(), gathered from where they are kept. */
#include <errno.h>

#include "chunk/empty.h"
#include "front/alloc.h"
#include "front/harden.h"
#include "front/heaps.h"
#include "front/runtime.h"
#include "object/retain.h"
#include "pinned.h"

/* What all heaps have. */
static void add_heap(struct pinned_stats *stats, struct pn_heap *heap)
{
	struct pn_heap_stats figures = pn_heap_get_stats(heap);
	uint64_t run_bytes = (figures.large_chunks + figures.raw_chunks) * PN_CHUNK_SIZE;

	stats->chunk_bytes += figures.chunks * PN_CHUNK_SIZE;
	stats->peak_chunk_bytes += figures.peak_chunks * PN_CHUNK_SIZE;
	stats->empty_chunk_bytes += figures.empty_chunks * PN_CHUNK_SIZE;
	stats->object_bytes += pn_heaps_bytes_out(heap) + figures.medium_bytes + run_bytes;
	stats->large_bytes += run_bytes;
	stats->populate_calls += figures.populate_calls;
	stats->punch_calls += figures.punch_calls;
}

static int begin(struct pinned_stats *stats)
{
	if (stats->size != sizeof(*stats)) {
		errno = EINVAL;
		return -1;
	}
	pn_runtime_enter();
	*stats = (struct pinned_stats){
		.size = sizeof(*stats),
		.arena_bytes = pn_arena.size,
	};
	return 0;
}

static void add_process(struct pinned_stats *stats)
{
	stats->cached_bytes = pn_tcache_bytes() + pn_harden_bytes();
	stats->failed_allocs = pn_alloc_failures();
	stats->retained_bytes = pn_retain_bytes();
}

int pinned_stats(struct pinned_stats *stats)
{
	struct pn_heap *heap;

	if (begin(stats))
		return -1;
	pn_heaps_lock();
	pn_heaps_for_each(heap)
		add_heap(stats, heap);
	pn_heaps_unlock();
	stats->peak_chunk_bytes = pn_empty_peak() * PN_CHUNK_SIZE;
	add_process(stats);
	return 0;
}

int pinned_heap_stats(struct pinned_heap *heap, struct pinned_stats *stats)
{
	if (begin(stats))
		return -1;
	add_heap(stats, pn_heaps_of(heap));
	if (!heap)
		add_process(stats);
	return 0;
}

// SPDX-License-Identifier: MIT
/* The figures of pinned_stats(), gathered from where they are kept. */
#include <errno.h>

#include "alloc.h"
#include "harden.h"
#include "pinned.h"
#include "runtime.h"

int pinned_stats(struct pinned_stats *stats)
{
	struct pn_heap_stats heap;

	if (stats->size != sizeof(*stats)) {
		errno = EINVAL;
		return -1;
	}
	pn_runtime_enter();
	heap = pn_heap_get_stats(&pn_heap);
	*stats = (struct pinned_stats){
		.size = sizeof(*stats),
		.arena_bytes = pn_arena.size,
		.chunk_bytes = heap.chunks * PN_CHUNK_SIZE,
		.peak_chunk_bytes = heap.peak_chunks * PN_CHUNK_SIZE,
		.empty_chunk_bytes = heap.empty_chunks * PN_CHUNK_SIZE,
		.object_bytes = pn_slab_bytes_out(&pn_heap) + heap.medium_bytes +
				heap.large_chunks * PN_CHUNK_SIZE,
		.cached_bytes = pn_tcache_bytes() + pn_harden_bytes(),
		.large_bytes = heap.large_chunks * PN_CHUNK_SIZE,
		.populate_calls = heap.populate_calls,
		.punch_calls = heap.punch_calls,
		.failed_allocs = pn_alloc_failures(),
	};
	return 0;
}

// SPDX-License-Identifier: MIT
/* The figures of pinned_stats(), gathered from where they are kept. */
#include <errno.h>

#include "alloc.h"
#include "pinned.h"
#include "runtime.h"

int pinned_stats(struct pinned_stats *stats)
{
	struct pn_arena_stats arena;

	if (stats->size != sizeof(*stats)) {
		errno = EINVAL;
		return -1;
	}
	pn_runtime_enter();
	arena = pn_arena_get_stats();
	*stats = (struct pinned_stats){
		.size = sizeof(*stats),
		.arena_bytes = pn_arena.size,
		.chunk_bytes = arena.chunks * PN_CHUNK_SIZE,
		.peak_chunk_bytes = arena.peak_chunks * PN_CHUNK_SIZE,
		.empty_chunk_bytes = arena.empty_chunks * PN_CHUNK_SIZE,
		.object_bytes = pn_slab_bytes_out() + arena.large_chunks * PN_CHUNK_SIZE,
		.cached_bytes = pn_tcache_bytes(),
		.large_bytes = arena.large_chunks * PN_CHUNK_SIZE,
		.populate_calls = arena.populate_calls,
		.punch_calls = arena.punch_calls,
		.failed_allocs = pn_alloc_failures(),
	};
	return 0;
}

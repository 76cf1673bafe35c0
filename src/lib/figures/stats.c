// SPDX-License-Identifier: MIT
/* pinned_stats() and pinned_heap_stats(). They read those figures of table.h that are public. */
#include "figures/figures.h"
#include "front/harden.h"
#include "front/heaps.h"
#include "front/runtime.h"
#include "front/tcache.h"
#include "object/central.h"
#include "os/errno.h"
#include "os/sized.h"
#include "pinned.h"

/* The size of struct pinned_stats in the first release, 0.1.0. */
#define FIRST_SIZE PN_SIZE_UP_TO(struct pinned_stats, retained_bytes)

#define PUT_public(name, operator) stats->name operator figures.name;
#define PUT_private(name, operator)
#define ADD_OF_HEAP(name, source, unit, kind, access, help) PUT_##access(name, +=)
#define SET_OF_PROCESS(name, source, watch, unit, kind, access, help) PUT_##access(name, =)

static void add_heap(struct pinned_stats *stats, struct pn_heap *heap)
{
	const struct pn_heap_stats counts = pn_heap_get_stats(heap);
	struct pn_heap_figures figures;

	pn_figures_of_heap(&figures, heap, &counts);
	/* pinned_stats() and pinned_heap_stats() count raw chunks as large objects, too. */
	figures.large_bytes += figures.raw_bytes;
	figures.object_bytes =
		pn_central_bytes_out(heap) + figures.medium_bytes + figures.large_bytes;
	PN_FIGURES_OF_STATS(ADD_OF_HEAP)
	PN_FIGURES_COUNTED(ADD_OF_HEAP)
}

static void set_process(struct pinned_stats *stats)
{
	struct pn_process_figures figures;

	pn_figures_of_process(&figures);
	PN_FIGURES_OF_PROCESS(SET_OF_PROCESS)
	stats->cached_bytes = pn_tcache_bytes() + figures.quarantine_bytes;
}

int pinned_stats(struct pinned_stats *stats)
{
	struct pinned_stats sum = { 0 };
	struct pn_heap *heap;

	pn_runtime_enter();
	pn_heaps_lock();
	pn_heaps_for_each(heap)
		add_heap(&sum, heap);
	pn_heaps_unlock();
	set_process(&sum);
	return pn_result(pn_sized_write(stats, &sum, sizeof(sum), FIRST_SIZE));
}

int pinned_heap_stats(struct pinned_heap *heap, struct pinned_stats *stats)
{
	struct pinned_stats sum = { 0 };

	pn_runtime_enter();
	if (!heap)
		set_process(&sum);
	sum.peak_chunk_bytes = 0;
	sum.arena_bytes = pn_arena_size();
	sum.limit_bytes = PN_SHOWN_limit(pn_heaps_of(heap)->limit_chunks);
	add_heap(&sum, pn_heaps_of(heap));
	return pn_result(pn_sized_write(stats, &sum, sizeof(sum), FIRST_SIZE));
}

/* SPDX-License-Identifier: MIT */
/* The figures of table.h as structures, and the functions that fill these structures. */
#ifndef PN_FIGURES_H
#define PN_FIGURES_H

#include "chunk/heap.h"
#include "figures/table.h"

#define PN_FIGURE_OF_HEAP(name, source, unit, kind, access, help) uint64_t name;
#define PN_FIGURE_OF_PROCESS(name, source, watch, unit, kind, access, help) uint64_t name;

struct pn_heap_figures {
	PN_FIGURES_OF_STATS(PN_FIGURE_OF_HEAP)
	PN_FIGURES_COUNTED(PN_FIGURE_OF_HEAP)
	PN_FIGURES_OF_SETTINGS(PN_FIGURE_OF_HEAP)
};

struct pn_process_figures {
	PN_FIGURES_OF_PROCESS(PN_FIGURE_OF_PROCESS)
};

#undef PN_FIGURE_OF_HEAP
#undef PN_FIGURE_OF_PROCESS

/*
 * Reads the figures of a heap that need no census; the figures that come from the census become 0.
 * @stats is either the heap's own, and the caller holds the lock that covers it, or a copy.
 */
void pn_figures_of_heap(struct pn_heap_figures *figures, const struct pn_heap *heap,
			const struct pn_heap_stats *stats);

/* Reads the process's figures. Takes the arena's lock. */
void pn_figures_of_process(struct pn_process_figures *figures);

#endif /* PN_FIGURES_H */

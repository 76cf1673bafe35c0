// SPDX-License-Identifier: MIT
/*
 * Reads the figures of table.h. This file also contains the table as text, which pinnedctl reads
 * from a process, so that the tool can show the figures of a library that is older or newer than
 * itself.
 */
#include "figures/figures.h"

#include "chunk/limit.h"
#include "chunk/registrar.h"
#include "config/memory_type.h"
#include "front/alloc.h"
#include "front/harden.h"
#include "front/runtime.h"
#include "object/retain.h"
#include "os/watch.h"

static struct pn_fallback pn_fallback_now(void)
{
	return pn_flavour.fallback ? pn_flavour.fallback() : (struct pn_fallback){ 0 };
}

#define FROM_STATS(name, source, unit, kind, access, help) .name = PN_SHOWN_##unit(stats->source),
#define FROM_HEAP(name, source, unit, kind, access, help) .name = PN_SHOWN_##unit(heap->source),

void pn_figures_of_heap(struct pn_heap_figures *figures, const struct pn_heap *heap,
			const struct pn_heap_stats *stats)
{
	*figures = (struct pn_heap_figures){ PN_FIGURES_OF_STATS(FROM_STATS)
						     PN_FIGURES_OF_SETTINGS(FROM_HEAP) };
}

#define FROM_EXPRESSION(name, source, watch, unit, kind, access, help) \
	.name = PN_SHOWN_##unit((uint64_t)(source)),

void pn_figures_of_process(struct pn_process_figures *figures)
{
	*figures = (struct pn_process_figures){ PN_FIGURES_OF_PROCESS(FROM_EXPRESSION) };
}

/* One line for each figure: heap or process, name, source, unit, kind, help. */
#define LINE(scope, name, source, unit, kind, help) \
	scope " " #name " " source " " #unit " " #kind " " help "\n"
#define LINE_OF_STATS(name, source, unit, kind, access, help) \
	LINE("heap", name, "pn_heap.stats/pn_heap_stats." #source, unit, kind, help)
#define LINE_OF_COUNTED(name, source, unit, kind, access, help) \
	LINE("heap", name, "count:" #source, unit, kind, help)
#define LINE_OF_SETTING(name, source, unit, kind, access, help) \
	LINE("heap", name, "pn_heap." #source, unit, kind, help)
#define LINE_OF_PROCESS(name, source, watch, unit, kind, access, help) \
	LINE("process", name, watch, unit, kind, help)

static const char table[] = PN_FIGURES_OF_PROCESS(LINE_OF_PROCESS)
	PN_FIGURES_OF_STATS(LINE_OF_STATS) PN_FIGURES_COUNTED(LINE_OF_COUNTED)
		PN_FIGURES_OF_SETTINGS(LINE_OF_SETTING);
PN_WATCH_VARIABLE(figures, table);

#define WATCH(name, source, unit, kind, access, help) PN_WATCH_MEMBER(pn_heap_stats, source);
PN_FIGURES_OF_STATS(WATCH)

/* The names of the memory types, in the order of PINNED_MEMORY_*, separated by blanks. */
static const char memory_types[] = PN_MEMORY_TYPES(PN_MEMORY_TYPE_WITH_BLANK);
PN_WATCH_VARIABLE(memory_types, memory_types);

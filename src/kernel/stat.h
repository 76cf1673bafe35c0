/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of events since the module was loaded. */
#ifndef PINNED_MEM_STAT_H
#define PINNED_MEM_STAT_H

#include <linux/percpu.h>
#include <linux/types.h>

struct seq_file;

/* The events, in the order in which debugfs shows them; stat.c contains their names. */
enum pinned_event {
	PINNED_POPULATE,
	PINNED_POPULATE_FAILED,
	PINNED_PUNCH,
	PINNED_FAULT_WHOLE,
	PINNED_FAULT_SMALL,
	PINNED_FORK,
	PINNED_COPY,
	PINNED_COPY_FAILED,
	PINNED_REST,
	PINNED_BUSY,
	PINNED_EVENTS,
};

DECLARE_PER_CPU(unsigned long[PINNED_EVENTS], pinned_events);

static inline void pinned_count(enum pinned_event event)
{
	this_cpu_inc(pinned_events[event]);
}

void pinned_stat_populate(u64 ns);
void pinned_stat_show_events(struct seq_file *seq);
void pinned_stat_show_latency(struct seq_file *seq);

#endif /* PINNED_MEM_STAT_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of events since the module was loaded, per CPU, and the histogram of POPULATE's
 * duration. There are no locks: a sum over CPUs may miss concurrent events.
 */
#include <linux/atomic.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/seq_file.h>
#include <linux/time64.h>

#include "stat.h"

DEFINE_PER_CPU(unsigned long[PINNED_EVENTS], pinned_events);

static const char *const names[PINNED_EVENTS] = {
	[PINNED_POPULATE] = "populate",
	[PINNED_POPULATE_FAILED] = "populate_failed",
	[PINNED_PUNCH] = "punch",
	[PINNED_FAULT_WHOLE] = "fault_whole",
	[PINNED_FAULT_SMALL] = "fault_small",
	[PINNED_FORK] = "fork",
	[PINNED_COPY] = "copy",
	[PINNED_COPY_FAILED] = "copy_failed",
	[PINNED_REST] = "rest",
	[PINNED_BUSY] = "busy",
};

void pinned_stat_show_events(struct seq_file *seq)
{
	unsigned long sum;
	int event, cpu;

	for (event = 0; event < PINNED_EVENTS; event++) {
		sum = 0;
		for_each_possible_cpu(cpu) sum += per_cpu(pinned_events, cpu)[event];
		seq_printf(seq, "%s %lu\n", names[event], sum);
	}
}

/*
 * Bucket n counts calls that took less than 2^n microseconds, but at least half of that. The last
 * bucket also counts all longer calls.
 */
#define BUCKETS 32

static atomic_long_t latency[BUCKETS];

/* Counts one successful POPULATE in the histogram. */
void pinned_stat_populate(u64 ns)
{
	u64 us = ns / NSEC_PER_USEC;
	int bucket = us ? ilog2(us) + 1 : 0;

	atomic_long_inc(&latency[min(bucket, BUCKETS - 1)]);
}

void pinned_stat_show_latency(struct seq_file *seq)
{
	int bucket, last = BUCKETS - 1;

	while (last > 0 && !atomic_long_read(&latency[last]))
		last--;
	seq_puts(seq, "below_us calls\n");
	for (bucket = 0; bucket <= last; bucket++)
		seq_printf(seq, "%llu %ld\n", 1ULL << bucket, atomic_long_read(&latency[bucket]));
}

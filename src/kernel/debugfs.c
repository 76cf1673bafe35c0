// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/pinned_mem: shows each pool with its owner and slots, counters of events since
 * the module was loaded, and the duration of POPULATE. Other files maintain these values; this one
 * has no state of its own. No physical address is shown.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "debugfs.h"
#include "pool.h"
#include "stat.h"

static struct dentry *dir;

static int pools_show(struct seq_file *seq, void *unused)
{
	pinned_pool_show_all(seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pools);

static int events_show(struct seq_file *seq, void *unused)
{
	pinned_stat_show_events(seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(events);

static int populate_latency_show(struct seq_file *seq, void *unused)
{
	pinned_stat_show_latency(seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(populate_latency);

/*
 * Creates the directory. Errors are ignored, since nothing depends on debugfs; a kernel without it,
 * or without memory, has no such directory.
 */
void pinned_debugfs_init(void)
{
	dir = debugfs_create_dir("pinned_mem", NULL);
	debugfs_create_file("pools", 0400, dir, NULL, &pools_fops);
	debugfs_create_file("events", 0400, dir, NULL, &events_fops);
	debugfs_create_file("populate_latency", 0400, dir, NULL, &populate_latency_fops);
}

void pinned_debugfs_exit(void)
{
	debugfs_remove_recursive(dir);
}

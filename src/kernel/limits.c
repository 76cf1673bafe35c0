// SPDX-License-Identifier: GPL-2.0-only
/*
 * The limits: module parameters in chunks, which may change at any time, and their defaults.
 * quota.c enforces them.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/nodemask.h>
#include <linux/sizes.h>

#include "base.h"
#include "limits.h"

static unsigned long limit_chunks;
static unsigned long low_limit_chunks;
static unsigned long user_limit_chunks;
static unsigned long pool_limit_chunks;
static bool use_memlock;

static unsigned long chunks_of_ram(void)
{
	return totalram_pages() >> PINNED_CHUNK_ORDER;
}

static unsigned long default_limit(void)
{
	return max(chunks_of_ram() / 2, 1UL);
}

/*
 * Returns the number of a zone's pages below 4 GiB; an estimate if the zone extends beyond 4 GiB.
 */
static unsigned long pages_below_4g(struct zone *zone)
{
	unsigned long first = zone->zone_start_pfn, end = PHYS_PFN(SZ_4G);

	if (first >= end || !populated_zone(zone))
		return 0;
	if (zone_end_pfn(zone) <= end)
		return zone_managed_pages(zone);
	return mult_frac(zone_managed_pages(zone), end - first, zone->spanned_pages);
}

/* Returns the number of pages below 4 GiB that the page allocator manages, free or allocated. */
static unsigned long low_pages(void)
{
	unsigned long pages = 0;
	int node, i;

	for_each_online_node(node)
		for (i = 0; i < MAX_NR_ZONES; i++)
			pages += pages_below_4g(&NODE_DATA(node)->node_zones[i]);
	return pages;
}

/*
 * Returns half of the memory below 4 GiB, in chunks, since devices with 32 address bits depend on
 * the rest. If all memory, or nearly all, lies below 4 GiB, limit_chunks is enough.
 */
static unsigned long default_low_limit(void)
{
	unsigned long low = low_pages();

	if (totalram_pages() < low + low / 8)
		return chunks_of_ram();
	return max(low >> (PINNED_CHUNK_ORDER + 1), 1UL);
}

/* Sets a limit in chunks: 0 means the default. Refuses more chunks than the machine has. */
static int set_limit(const char *text, const struct kernel_param *kp)
{
	unsigned long *limit = kp->arg;
	unsigned long chunks;
	int err = kstrtoul(text, 0, &chunks);

	if (err)
		return err;
	if (chunks > chunks_of_ram())
		return -EINVAL;
	if (!chunks && limit == &limit_chunks)
		chunks = default_limit();
	if (!chunks && limit == &low_limit_chunks)
		chunks = default_low_limit();
	WRITE_ONCE(*limit, chunks);
	return 0;
}

static const struct kernel_param_ops limit_ops = {
	.set = set_limit,
	.get = param_get_ulong,
};

module_param_cb(limit_chunks, &limit_ops, &limit_chunks, 0644);
MODULE_PARM_DESC(limit_chunks,
		 "chunks of 2 MiB that all pools together may hold (0: half of the memory)");
module_param_cb(low_limit_chunks, &limit_ops, &low_limit_chunks, 0644);
MODULE_PARM_DESC(low_limit_chunks,
		 "chunks below 4 GiB that all pools together may hold (0: half of that memory)");
module_param_cb(user_limit_chunks, &limit_ops, &user_limit_chunks, 0644);
MODULE_PARM_DESC(user_limit_chunks,
		 "chunks that the pools of one user may hold (0: no such limit)");
module_param_cb(pool_limit_chunks, &limit_ops, &pool_limit_chunks, 0644);
MODULE_PARM_DESC(pool_limit_chunks, "chunks that one pool may hold (0: no such limit)");
module_param(use_memlock, bool, 0644);
MODULE_PARM_DESC(use_memlock,
		 "charge pools to RLIMIT_MEMLOCK of processes without CAP_IPC_LOCK (default: no)");

void pinned_limits_init(void)
{
	if (!limit_chunks)
		limit_chunks = default_limit();
	if (!low_limit_chunks)
		low_limit_chunks = default_low_limit();
}

unsigned long pinned_limit_all(void)
{
	return READ_ONCE(limit_chunks);
}

unsigned long pinned_limit_low(void)
{
	return READ_ONCE(low_limit_chunks);
}

/* Returns the limit of each user; 0 means no limit. */
unsigned long pinned_limit_user(void)
{
	return READ_ONCE(user_limit_chunks);
}

/* Returns the limit of each pool; 0 means no limit. */
unsigned long pinned_limit_pool(void)
{
	return READ_ONCE(pool_limit_chunks);
}

bool pinned_limit_has_memlock(void)
{
	return READ_ONCE(use_memlock);
}

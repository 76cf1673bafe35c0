/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where chunks come from. A source gives one chunk that fits a policy, zeroed,
 * as a compound page of PINNED_CHUNK_ORDER with one reference, which the caller
 * owns; the chunk goes back when its last reference is put. It may sleep, it
 * never invokes the OOM killer, and it says nothing in the log when it fails.
 */
#ifndef PINNED_MEM_SOURCE_H
#define PINNED_MEM_SOURCE_H

#include <linux/types.h>

struct page;

/**
 * struct pinned_policy - what a caller wants of a chunk
 * @node:	NUMA node, or NUMA_NO_NODE
 * @max_phys:	highest physical address of any byte
 */
struct pinned_policy {
	int node;
	u64 max_phys;
};

struct page *pinned_source_buddy_take(const struct pinned_policy *policy);

#endif /* PINNED_MEM_SOURCE_H */

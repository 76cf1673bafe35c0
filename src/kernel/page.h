/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pages of a chunk: a compound page, or PINNED_CHUNK_PAGES single pages with one reference
 * each. These helpers depend on no other file of the driver, and keep no state.
 */
#ifndef PINNED_MEM_PAGE_H
#define PINNED_MEM_PAGE_H

#include <linux/nodemask.h>
#include <linux/types.h>

struct page;

/**
 * struct pinned_policy - what a caller requires of a chunk
 * @node:	NUMA node, or NUMA_NO_NODE
 * @allowed:	NUMA nodes that the caller's cpuset allows
 * @max_phys:	highest physical address that any byte may have
 * @is_contiguous: all chunks of a request shall form one contiguous run
 * @memory_type: PINNED_MEM_TYPE_*
 * @sources:	PINNED_MEM_SOURCE_* that may be asked
 */
struct pinned_policy {
	int node;
	nodemask_t allowed;
	u64 max_phys;
	bool is_contiguous;
	u32 memory_type;
	u32 sources;
};

bool pinned_page_fits(struct page *page, const struct pinned_policy *policy);
bool pinned_page_is_last_reference(struct page *page);
bool pinned_page_is_poisoned(struct page *page);
bool pinned_page_maps_huge(void);
void pinned_page_zero(struct page *page);
bool pinned_pages_find_run(struct page **pages, unsigned long available, unsigned long count,
			   unsigned long *first);

#endif /* PINNED_MEM_PAGE_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where chunks come from, and go back to. A source takes one chunk that fits a
 * policy, or several that are one contiguous run: zeroed, mapped write-back by
 * the kernel, with one reference, which is the driver's. A chunk is a compound
 * page, or PINNED_CHUNK_PAGES single pages with a reference each, which are
 * mapped one by one. Taking may sleep, never invokes the OOM killer, and says
 * nothing in the log when it fails.
 */
#ifndef PINNED_MEM_SOURCE_H
#define PINNED_MEM_SOURCE_H

#include <linux/types.h>

struct page;
struct pinned_chunk;

/**
 * struct pinned_policy - what a caller wants of a chunk
 * @node:	NUMA node, or NUMA_NO_NODE
 * @max_phys:	highest physical address of any byte
 * @is_contiguous: all chunks of a request shall be one run
 * @memory_type: PINNED_MEM_TYPE_*
 * @sources:	PINNED_MEM_SOURCE_* that may be asked
 */
struct pinned_policy {
	int node;
	u64 max_phys;
	bool is_contiguous;
	u32 memory_type;
	u32 sources;
};

/**
 * struct pinned_source - one kind of memory
 * @id:		PINNED_MEM_SOURCE_*
 * @take:	fill @pages with the first pages of @count chunks that are one
 *		contiguous run, in its order, and that fit the policy; or say no
 * @give:	take the driver's reference to a chunk back
 * @needs_last_reference: @give may only be called while nobody else has a
 *		reference, because the chunk does not go to the buddy allocator
 */
struct pinned_source {
	u32 id;
	bool (*take)(const struct pinned_policy *policy, struct page **pages, unsigned long count);
	void (*give)(struct page *page);
	bool needs_last_reference;
};

extern const struct pinned_source pinned_source_reserve;
extern const struct pinned_source pinned_source_buddy;
extern const struct pinned_source pinned_source_cma;
extern const struct pinned_source pinned_source_carveout;

const struct pinned_source *pinned_source_take(const struct pinned_policy *policy,
					       struct page **pages, unsigned long count);
bool pinned_source_can_give(struct pinned_chunk *chunk);
void pinned_source_give(struct pinned_chunk *chunk);
bool pinned_page_fits(struct page *page, const struct pinned_policy *policy);
bool pinned_pages_find_run(struct page **pages, unsigned long available, unsigned long count,
			   unsigned long *first);
void pinned_page_zero(struct page *page);

#endif /* PINNED_MEM_SOURCE_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where chunks come from, and go back to. A source takes one chunk that fits a
 * policy: zeroed, mapped write-back by the kernel, its page with one reference,
 * which is the driver's. It may sleep, it never invokes the OOM killer, and it
 * says nothing in the log when it fails.
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
 * @memory_type: PINNED_MEM_TYPE_*
 * @sources:	PINNED_MEM_SOURCE_* that may be asked
 */
struct pinned_policy {
	int node;
	u64 max_phys;
	u32 memory_type;
	u32 sources;
};

/**
 * struct pinned_source - one kind of memory
 * @id:		PINNED_MEM_SOURCE_*
 * @take:	a page that fits the policy, or NULL
 * @give:	take the driver's reference to the page back
 * @needs_last_reference: @give may only be called while nobody else has a
 *		reference, because the page does not go to the buddy allocator
 */
struct pinned_source {
	u32 id;
	struct page *(*take)(const struct pinned_policy *policy);
	void (*give)(struct page *page);
	bool needs_last_reference;
};

extern const struct pinned_source pinned_source_reserve;
extern const struct pinned_source pinned_source_buddy;

int pinned_source_take(struct pinned_chunk *chunk, const struct pinned_policy *policy);
bool pinned_source_can_give(struct pinned_chunk *chunk);
void pinned_source_give(struct pinned_chunk *chunk);
bool pinned_page_fits(struct page *page, const struct pinned_policy *policy);

#endif /* PINNED_MEM_SOURCE_H */

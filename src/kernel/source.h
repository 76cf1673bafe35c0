/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where chunks come from, and go back to: what each source implements. A source takes one chunk
 * that fits a policy, or several that are one contiguous run: zeroed, mapped write-back by the
 * kernel, with one reference, which is the driver's. A chunk is a compound page, or
 * PINNED_CHUNK_PAGES single pages with a reference each, which are mapped one by one. Taking may
 * sleep, never invokes the OOM killer, and says nothing in the log when it fails.
 */
#ifndef PINNED_MEM_SOURCE_H
#define PINNED_MEM_SOURCE_H

#include <linux/types.h>

#include "page.h"

struct page;

/**
 * struct pinned_source - one kind of memory
 * @id:		PINNED_MEM_SOURCE_*
 * @take:	fills @pages with the first pages of @count chunks that are one contiguous run, in
 *		its order, and that fit the policy. Return: 0; -ENOMEM, there is no such memory;
 *		-EDQUOT, there is, but the caller's memory cgroup may not have it
 * @give:	takes the driver's reference to a chunk back; nobody else has one
 * @is_buddy:	chunks are the page allocator's: giving one back makes free memory, and pages
 *		that somebody still pins may outlive the driver
 */
struct pinned_source {
	u32 id;
	int (*take)(const struct pinned_policy *policy, struct page **pages, unsigned long count);
	void (*give)(struct page *page);
	bool is_buddy;
};

extern const struct pinned_source pinned_source_reserve;
extern const struct pinned_source pinned_source_buddy;
extern const struct pinned_source pinned_source_cma;
extern const struct pinned_source pinned_source_carveout;

#endif /* PINNED_MEM_SOURCE_H */

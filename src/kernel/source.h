/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sources: the interface that each source of chunks implements.
 *
 * A source gives one chunk that fits a policy, or several chunks that form one contiguous run. The
 * chunks are zeroed, the kernel maps them write-back, and they have one reference, which belongs to
 * the driver. A chunk is a compound page, or PINNED_CHUNK_PAGES single pages with one reference
 * each, which are mapped one by one. Taking a chunk may sleep, never invokes the OOM killer, and
 * logs nothing when it fails.
 */
#ifndef PINNED_MEM_SOURCE_H
#define PINNED_MEM_SOURCE_H

#include <linux/types.h>

#include "page.h"

struct page;

/**
 * struct pinned_source - one source of memory
 * @id:		PINNED_MEM_SOURCE_*
 * @take:	sets @pages to the first pages of @count chunks that fit the policy and form one
 *		contiguous run, in the run's order. Return: 0; -ENOMEM if there is no such memory;
 *		-EDQUOT if there is, but the caller's memory cgroup may not have it
 * @give:	takes back the driver's reference to a chunk, which is the only one left
 * @is_buddy:	the chunks belong to the page allocator: giving one back makes free memory, and
 *		pages that somebody still pins may outlive the driver
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

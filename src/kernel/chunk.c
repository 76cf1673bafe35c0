// SPDX-License-Identifier: GPL-2.0-only
/*
 * Birth and death of a chunk.
 *
 * Lifetime. A chunk is a compound page, and its reference count is the page's.
 * References are held by: the view whose table names it (one, taken here at
 * birth and put by pinned_chunk_destroy()); each page-table entry that maps
 * it; each pin of get_user_pages; a page fault under way. Whoever puts the last
 * one frees the memory, so destroying a chunk that somebody still maps or pins
 * takes nothing from under them.
 *
 * The quota counts chunks that views hold. What others keep pinned after a view
 * has let go is theirs to account for.
 */
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/sched.h>

#include "chunk.h"
#include "quota.h"
#include "source.h"

/**
 * pinned_chunk_create() - a new, zeroed chunk
 * @policy: node and ceiling
 *
 * Return: the chunk; ERR_PTR(-EDQUOT) over the limit; ERR_PTR(-ENOMEM).
 */
struct page *pinned_chunk_create(const struct pinned_policy *policy)
{
	struct page *chunk;

	if (!pinned_quota_charge())
		return ERR_PTR(-EDQUOT);
	chunk = pinned_source_buddy_take(policy);
	if (!chunk) {
		pinned_quota_uncharge();
		return ERR_PTR(-ENOMEM);
	}
	return chunk;
}

/**
 * pinned_chunk_copy() - a new chunk with another one's content
 * @from: the chunk to copy
 *
 * Return: as pinned_chunk_create().
 */
struct page *pinned_chunk_copy(struct page *from)
{
	const struct pinned_policy policy = {
		.node = NUMA_NO_NODE,
		.max_phys = PINNED_MEM_PHYS_ANY,
	};
	struct page *chunk = pinned_chunk_create(&policy);
	unsigned long i;

	if (IS_ERR(chunk))
		return chunk;
	for (i = 0; i < PINNED_CHUNK_PAGES; i++) {
		copy_highpage(chunk + i, from + i);
		cond_resched();
	}
	return chunk;
}

/**
 * pinned_chunk_destroy() - put the view's reference
 * @chunk: a chunk that no view's table names any more
 */
void pinned_chunk_destroy(struct page *chunk)
{
	put_page(chunk);
	pinned_quota_uncharge();
}

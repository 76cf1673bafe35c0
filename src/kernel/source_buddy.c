// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chunks from the buddy allocator, by node and zone.
 *
 * A ceiling on the address can be translated into zones only roughly, since DMA and DMA32 span
 * different addresses on different platforms. So the address of every candidate is checked.
 * Candidates above the ceiling are kept until the end, so that the allocator does not offer the
 * same ones again, and are then given back.
 */
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "base.h"
#include "compat.h"
#include "page.h"
#include "source.h"

/* Candidates to try from one zone before trying the next narrower zone. */
#define CANDIDATES_PER_ZONE 16
/* Chunks to allocate beyond the number requested, in search of a contiguous run: 256 MiB. */
#define EXTRA_CANDIDATES 128

/*
 * RETRY_MAYFAIL: reclaim and compact as hugetlb does for the same order, then fail. HARDWALL:
 * allocate from the nodes of the caller's own cpuset, not of an ancestor. The caller's memory
 * cgroup is charged.
 */
#define CHUNK_GFP                                                                            \
	(GFP_KERNEL | __GFP_HARDWALL | PINNED_GFP_CHARGED_PAGE | __GFP_COMP | __GFP_NOWARN | \
	 __GFP_RETRY_MAYFAIL)
/*
 * For a run: do not wake kswapd. Most candidates are given back at once, so kswapd would reclaim
 * memory, and end the rest of chunks, for a request that they need not serve.
 */
#define RUN_GFP (CHUNK_GFP & ~__GFP_KSWAPD_RECLAIM)
/* For extra candidates, most of which are given back at once: take only memory that is free now. */
#define EXTRA_GFP (RUN_GFP & ~(__GFP_DIRECT_RECLAIM | __GFP_RETRY_MAYFAIL))

/*
 * Number of attempts to compact. After a compaction has failed, for any caller, the allocator skips
 * compaction in the next attempts of this order, even with RETRY_MAYFAIL: first in one, then in
 * two, up to 64. Only then does it forget which blocks it could not free. An attempt with NORETRY
 * returns immediately when compaction is skipped, but counts as an attempt. So each round of ROUND
 * attempts leads to one compaction.
 */
#define ROUND 64
#define ROUNDS 8
/*
 * After all rounds have failed, no request compacts like this for this long, or until a block is
 * found.
 */
#define EFFORT_PAUSE HZ

static unsigned long effort_ended;
static bool was_in_vain;

static struct page *take_block(int node, gfp_t gfp)
{
	if (node == NUMA_NO_NODE)
		return alloc_pages(gfp, PINNED_CHUNK_ORDER);
	return alloc_pages_node(node, gfp | __GFP_THISNODE, PINNED_CHUNK_ORDER);
}

/* Makes the allocator compact until a block is free. Returns false if none becomes free. */
static bool compact(int node, gfp_t effort)
{
	gfp_t deferred = (effort & ~__GFP_RETRY_MAYFAIL) | __GFP_NORETRY;
	struct page *page;
	int i;

	for (i = 1; i <= ROUND * ROUNDS && !fatal_signal_pending(current); i++) {
		page = take_block(node, i % ROUND ? deferred : effort);
		if (page) {
			__free_pages(page, PINNED_CHUNK_ORDER);
			return true;
		}
		cond_resched();
	}
	return false;
}

static bool is_block_free(int node, gfp_t effort)
{
	struct page *page =
		take_block(node, effort & ~(__GFP_DIRECT_RECLAIM | __GFP_RETRY_MAYFAIL));

	if (page)
		__free_pages(page, PINNED_CHUNK_ORDER);
	return page;
}

/*
 * Takes a block, compacting if necessary. Returns ERR_PTR(-ENOMEM) if there is none;
 * ERR_PTR(-EDQUOT) if only the memory cgroup refuses.
 */
static struct page *take_with_effort(int node, gfp_t gfp)
{
	/* Attempts are not charged, so that a cgroup's limit is not taken for fragmentation. */
	gfp_t effort = gfp & ~(__GFP_ACCOUNT | __GFP_ZERO);

	if (is_block_free(node, effort))
		return take_block(node, gfp) ?: ERR_PTR(-EDQUOT);
	if (READ_ONCE(was_in_vain) && time_before(jiffies, READ_ONCE(effort_ended) + EFFORT_PAUSE))
		return ERR_PTR(-ENOMEM);
	if (compact(node, effort))
		return take_block(node, gfp) ?: ERR_PTR(-EDQUOT);
	WRITE_ONCE(effort_ended, jiffies);
	WRITE_ONCE(was_in_vain, true);
	return ERR_PTR(-ENOMEM);
}

/*
 * Takes a block; without reclaim in @gfp, only one that is free now. Returns as take_with_effort().
 */
static struct page *take_candidate(int node, gfp_t gfp)
{
	struct page *page = take_block(node, gfp);

	if (!page)
		return gfp & __GFP_DIRECT_RECLAIM ? take_with_effort(node, gfp) : ERR_PTR(-ENOMEM);
	if (READ_ONCE(was_in_vain))
		WRITE_ONCE(was_in_vain, false);
	return page;
}

static struct page *take_from_zone(const struct pinned_policy *policy, gfp_t gfp)
{
	struct page *aside[CANDIDATES_PER_ZONE];
	struct page *page;
	unsigned int n = 0;

	for (;;) {
		page = take_candidate(policy->node, gfp);
		if (IS_ERR(page) || pinned_page_fits(page, policy))
			break;
		aside[n++] = page;
		page = ERR_PTR(-ENOMEM);
		if (n == CANDIDATES_PER_ZONE)
			break;
	}
	while (n)
		__free_pages(aside[--n], PINNED_CHUNK_ORDER);
	return page;
}

/* Takes a chunk that fits the policy. Returns the chunk; ERR_PTR(-ENOMEM); ERR_PTR(-EDQUOT). */
static struct page *take_one(const struct pinned_policy *policy, gfp_t gfp)
{
	struct page *page = ERR_PTR(-ENOMEM);

	/*
	 * With a ceiling above 4 GiB, the ordinary zones may happen to fit; below, they are not
	 * tried.
	 */
	if (policy->max_phys > DMA_BIT_MASK(32))
		page = take_from_zone(policy, gfp);
	/* With a ceiling, do not wake kswapd: its reclaim would empty a small zone. */
	if (policy->max_phys != PINNED_MEM_PHYS_ANY)
		gfp &= ~__GFP_KSWAPD_RECLAIM;
	if (IS_ERR(page) && policy->max_phys != PINNED_MEM_PHYS_ANY &&
	    IS_ENABLED(CONFIG_ZONE_DMA32))
		page = take_from_zone(policy, gfp | GFP_DMA32);
	if (IS_ERR(page) && policy->max_phys < DMA_BIT_MASK(32) && IS_ENABLED(CONFIG_ZONE_DMA))
		page = take_from_zone(policy, gfp | GFP_DMA);
	return page;
}

/*
 * Takes a contiguous run of chunks. The allocator has no blocks of such a length, but in memory
 * that is not fragmented it returns adjacent blocks one after the other. So this function takes
 * chunks until some of them form a contiguous run, and gives the others back.
 */
static int take_run(const struct pinned_policy *policy, struct page **pages, unsigned long count)
{
	unsigned long max = count + EXTRA_CANDIDATES, n = 0, look_at = count, first = 0, i;
	struct page **candidates = kvmalloc_array(max, sizeof(*candidates), PINNED_GFP);
	bool is_found = false;
	int err = -ENOMEM;

	if (!candidates)
		return -EDQUOT;
	while (n < max && !is_found && !fatal_signal_pending(current)) {
		candidates[n] = take_one(policy, n < count ? RUN_GFP : EXTRA_GFP);
		if (IS_ERR(candidates[n])) {
			err = PTR_ERR(candidates[n]);
			break;
		}
		n++;
		cond_resched();
		/* Sorting after each chunk would be quadratic. */
		if (n == look_at) {
			is_found = pinned_pages_find_run(candidates, n, count, &first);
			look_at += max(count / 4, 4UL);
		}
	}
	if (!is_found && n >= count)
		is_found = pinned_pages_find_run(candidates, n, count, &first);
	for (i = 0; i < n; i++) {
		if (!is_found || i < first || i >= first + count) {
			put_page(candidates[i]);
			continue;
		}
		pages[i - first] = candidates[i];
		pinned_page_zero(candidates[i]);
	}
	kvfree(candidates);
	return is_found ? 0 : err;
}

static int take(const struct pinned_policy *policy, struct page **pages, unsigned long count)
{
	if (count > 1)
		return take_run(policy, pages, count);
	pages[0] = take_one(policy, CHUNK_GFP | __GFP_ZERO);
	return PTR_ERR_OR_ZERO(pages[0]);
}

static void give(struct page *page)
{
	put_page(page);
}

const struct pinned_source pinned_source_buddy = {
	.id = PINNED_MEM_SOURCE_BUDDY,
	.take = take,
	.give = give,
	.is_buddy = true,
};

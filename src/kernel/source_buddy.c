// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chunks from the buddy allocator, by node and zone.
 *
 * The zones below a ceiling are known only roughly (what DMA and DMA32 span
 * differs by platform), so every candidate's address is looked at. Candidates
 * above the ceiling are set aside until the end, so that the allocator does
 * not offer the same one again, and then given back.
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

/* Candidates that one zone may offer before the next narrower one is asked. */
#define CANDIDATES_PER_ZONE 16
/* Chunks that are taken to find a run, besides those of the run: 256 MiB. */
#define EXTRA_CANDIDATES 128

/*
 * RETRY_MAYFAIL: reclaim and compact as hugetlb does for the same order, then
 * fail. HARDWALL: from the nodes of the caller's own cpuset, not of one around it. The charge goes
 * to the caller's memory cgroup.
 */
#define CHUNK_GFP                                                                            \
	(GFP_KERNEL | __GFP_HARDWALL | PINNED_GFP_CHARGED_PAGE | __GFP_COMP | __GFP_NOWARN | \
	 __GFP_RETRY_MAYFAIL)
/* What is free now, for those that most likely go back at once. */
#define EXTRA_GFP (CHUNK_GFP & ~(__GFP_DIRECT_RECLAIM | __GFP_RETRY_MAYFAIL))

/*
 * After compaction has failed, for anybody, the allocator does without it for the
 * next attempts of this order, RETRY_MAYFAIL or not: for one, then two, up to
 * 64; and only then it forgets which blocks it once could not clear. Attempts with
 * NORETRY end there at once, and count. Each round is worth one compaction.
 */
#define ROUND 64
#define ROUNDS 8
/* When all of it has been in vain, nobody tries as hard for a while, or until a block is found. */
#define EFFORT_PAUSE HZ

static unsigned long effort_ended;
static bool was_in_vain;

static struct page *take_block(int node, gfp_t gfp)
{
	if (node == NUMA_NO_NODE)
		return alloc_pages(gfp, PINNED_CHUNK_ORDER);
	return alloc_pages_node(node, gfp | __GFP_THISNODE, PINNED_CHUNK_ORDER);
}

/* Makes the allocator compact until there is a block. Return: false if there is none. */
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

/* Return: a block; ERR_PTR(-ENOMEM); ERR_PTR(-EDQUOT) if only the memory cgroup refuses. */
static struct page *take_with_effort(int node, gfp_t gfp)
{
	/* Not charged, so that a cgroup's limit does not look like fragmentation. */
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

/* Without reclaim, takes only what is free now. Return: as take_with_effort(). */
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

/* Return: a chunk that fits; ERR_PTR(-ENOMEM); ERR_PTR(-EDQUOT). */
static struct page *take_one(const struct pinned_policy *policy, gfp_t gfp)
{
	struct page *page = ERR_PTR(-ENOMEM);

	/* Above 4 GiB the ordinary zones may do, with luck; below, they need not be tried. */
	if (policy->max_phys > DMA_BIT_MASK(32))
		page = take_from_zone(policy, gfp);
	/* Below, nobody else shall be made to reclaim: that would empty a small zone. */
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
 * The allocator has no blocks as long as runs may be, but where memory is not
 * fragmented it gives one block after the other. So chunks are taken until some
 * of them are a run, and the others given back.
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
		candidates[n] = take_one(policy, n < count ? CHUNK_GFP : EXTRA_GFP);
		if (IS_ERR(candidates[n])) {
			err = PTR_ERR(candidates[n]);
			break;
		}
		n++;
		cond_resched();
		/* Sorting each time would be quadratic. */
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

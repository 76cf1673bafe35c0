// SPDX-License-Identifier: GPL-2.0-only
/* The order in which sources are asked, and the way back to the one that gave. */
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/page_ref.h>
#include <linux/sched.h>
#include <linux/sort.h>

#include "chunk.h"
#include "memtype.h"
#include "quarantine.h"
#include "source.h"

static const struct pinned_source *const sources[] = {
	&pinned_source_reserve,
	&pinned_source_buddy,
	&pinned_source_cma,
	&pinned_source_carveout,
};

bool pinned_page_fits(struct page *page, const struct pinned_policy *policy)
{
	if (policy->node != NUMA_NO_NODE && page_to_nid(page) != policy->node)
		return false;
	return (u64)page_to_phys(page) + PINNED_MEM_CHUNK_SIZE - 1 <= policy->max_phys;
}

void pinned_page_zero(struct page *page)
{
	unsigned long i;

	for (i = 0; i < PINNED_CHUNK_PAGES; i++) {
		clear_highpage(page + i);
		cond_resched();
	}
}

static int compare_pages(const void *a, const void *b)
{
	unsigned long first = page_to_pfn(*(struct page **)a);
	unsigned long second = page_to_pfn(*(struct page **)b);

	return first < second ? -1 : first > second;
}

/**
 * pinned_pages_find_run() - chunks that lie one after the other
 * @pages: first pages of chunks; sorted by this
 * @available: how many
 * @count: how many are wanted in a row
 * @first: the index of the first of them
 *
 * Return: false if there is no such run.
 */
bool pinned_pages_find_run(struct page **pages, unsigned long available, unsigned long count,
			   unsigned long *first)
{
	unsigned long i, length = 1;

	sort(pages, available, sizeof(*pages), compare_pages, NULL);
	for (i = 0; i < available; i++) {
		if (i && page_to_pfn(pages[i]) == page_to_pfn(pages[i - 1]) + PINNED_CHUNK_PAGES)
			length++;
		else
			length = 1;
		if (length == count) {
			*first = i + 1 - count;
			return true;
		}
	}
	return false;
}

static const struct pinned_source *take_from_any(const struct pinned_policy *policy,
						 struct page **pages, unsigned long count)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sources); i++)
		if (policy->sources & sources[i]->id && sources[i]->take(policy, pages, count))
			return sources[i];
	return NULL;
}

/**
 * pinned_source_take() - memory for new chunks
 * @policy: what they must fit
 * @pages: gets the first page of each
 * @count: chunks; if several, they shall be one contiguous run
 *
 * When there is none, quarantined chunks are given up early, and the sources
 * asked again, until none is left.
 *
 * Return: the source that gave them, or NULL.
 */
const struct pinned_source *pinned_source_take(const struct pinned_policy *policy,
					       struct page **pages, unsigned long count)
{
	const struct pinned_source *source = take_from_any(policy, pages, count);
	unsigned long more = count;

	/* More each time: as many free blocks as wanted may be too few for the watermarks. */
	while (!source && pinned_quarantine_drain(more)) {
		source = take_from_any(policy, pages, count);
		more *= 2;
	}
	return source;
}

/* A compound page counts for all of it. */
static bool is_last_reference(struct page *page)
{
	unsigned long i, count = PageCompound(page) ? 1 : PINNED_CHUNK_PAGES;

	for (i = 0; i < count; i++)
		if (page_count(page + i) != 1)
			return false;
	return true;
}

/* It is write-back, and nobody but the driver has a reference, or the source does not mind. */
bool pinned_source_can_give(struct pinned_chunk *chunk)
{
	if (!pinned_memtype_reset(chunk))
		return false;
	return !chunk->source->needs_last_reference || is_last_reference(chunk->page);
}

void pinned_source_give(struct pinned_chunk *chunk)
{
	chunk->source->give(chunk->page);
}

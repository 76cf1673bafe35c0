// SPDX-License-Identifier: GPL-2.0-only
/* See page.h. */
#include <linux/highmem.h>
#include <linux/huge_mm.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/page_ref.h>
#include <linux/sched.h>
#include <linux/sort.h>

#include "base.h"
#include "page.h"

/* Returns true if a chunk lies on a node, and below the ceiling, that the policy allows. */
bool pinned_page_fits(struct page *page, const struct pinned_policy *policy)
{
	int node = page_to_nid(page);

	if (!node_isset(node, policy->allowed))
		return false;
	if (policy->node != NUMA_NO_NODE && node != policy->node)
		return false;
	return (u64)page_to_phys(page) + PINNED_MEM_CHUNK_SIZE - 1 <= policy->max_phys;
}

/*
 * Returns true if one page-table entry can map a chunk: the kernel has transparent huge pages, and
 * they are as large as a chunk. With base pages of 16 or 64 KiB they are larger.
 */
bool pinned_page_maps_huge(void)
{
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	const unsigned int shift = PMD_SHIFT;

	return shift == PINNED_MEM_CHUNK_SHIFT && has_transparent_hugepage();
#else
	return false;
#endif
}

/* Returns true if any page of the chunk contains failed memory. */
bool pinned_page_is_poisoned(struct page *page)
{
	unsigned long i;

	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE))
		return false;
	for (i = 0; i < PINNED_CHUNK_PAGES; i++)
		if (PageHWPoison(page + i))
			return true;
	return false;
}

/* Fills a chunk with zeroes. */
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
 * pinned_pages_find_run() - finds chunks that form a contiguous run
 * @pages: first pages of chunks; this function sorts them
 * @available: number of @pages
 * @count: length of the run in chunks
 * @first: set to the index of the first chunk of the run
 *
 * Return: true; false if there is no such run.
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

/*
 * Returns true if only the driver has a reference to a chunk. The first page of a compound page
 * counts the references to the whole chunk.
 */
bool pinned_page_is_last_reference(struct page *page)
{
	unsigned long i, count = PageCompound(page) ? 1 : PINNED_CHUNK_PAGES;

	for (i = 0; i < count; i++)
		if (page_count(page + i) != 1)
			return false;
	return true;
}

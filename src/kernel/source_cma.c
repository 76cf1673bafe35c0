// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chunks from the contiguous memory allocator (CMA), if the kernel has one. CMA provides longer
 * contiguous runs than the buddy allocator, from memory that movable pages use until CMA needs it.
 *
 * The driver calls dma_alloc_pages() for a device of its own. The allocator aligns to less than a
 * chunk, so the driver allocates one chunk more than requested, and leaves the rest unused. An
 * allocation is freed when the last of its chunks has come back; page_private() of a chunk's first
 * page points to the allocation.
 *
 * The chunks consist of single pages, and are mapped page by page.
 */
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include "base.h"
#include "memtype.h"
#include "page.h"
#include "source.h"

/*
 * NORETRY: when dma_alloc_pages() falls back to the buddy allocator, whose pages are not wanted
 * here, it shall not reclaim and compact for them.
 */
#define CMA_GFP (GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY)

/**
 * struct cma_run - one allocation
 * @pages:	result of dma_alloc_pages()
 * @size:	size of the allocation in bytes
 * @addr:	DMA address of the allocation
 * @chunks:	number of chunks that have not come back
 */
struct cma_run {
	struct page *pages;
	size_t size;
	dma_addr_t addr;
	refcount_t chunks;
};

static struct page *first_chunk(struct page *pages)
{
	return pfn_to_page(ALIGN(page_to_pfn(pages), PINNED_CHUNK_PAGES));
}

static void free_run(struct cma_run *run)
{
	dma_free_pages(pinned_memtype_device(), run->size, run->pages, run->addr,
		       DMA_BIDIRECTIONAL);
	kfree(run);
}

/*
 * Returns true if the pages come from CMA. When the contiguous area is full, dma_alloc_pages()
 * falls back to the buddy allocator, whose tail pages have no reference of their own.
 */
static bool is_from_cma(struct page *pages)
{
	return page_count(pages + 1) == 1;
}

static struct cma_run *allocate_run(unsigned long count)
{
	struct cma_run *run = kzalloc(sizeof(*run), PINNED_GFP);

	if (!run)
		return NULL;
	run->size = (count + 1) << PINNED_MEM_CHUNK_SHIFT;
	refcount_set(&run->chunks, count);
	run->pages = dma_alloc_pages(pinned_memtype_device(), run->size, &run->addr,
				     DMA_BIDIRECTIONAL, CMA_GFP);
	/*
	 * A device with a limited mask might not reach the pages; ours reaches all, but the DMA
	 * interface requires this check.
	 */
	if (run->pages && !dma_mapping_error(pinned_memtype_device(), run->addr) &&
	    is_from_cma(run->pages))
		return run;
	if (run->pages)
		free_run(run);
	else
		kfree(run);
	return NULL;
}

/*
 * Returns true if CMA has a free page. Most machines have no contiguous area, and a full one has no
 * room to move the pages that it has lent. In both cases the buddy allocator would reclaim for a
 * block that is_from_cma() then refuses.
 */
static bool is_area_there(void)
{
	return IS_ENABLED(CONFIG_DMA_CMA) && global_zone_page_state(NR_FREE_CMA_PAGES);
}

static int take(const struct pinned_policy *policy, struct page **pages, unsigned long count)
{
	struct cma_run *run;
	struct page *first;
	unsigned long i;

	if (!is_area_there())
		return -ENOMEM;
	run = allocate_run(count);
	if (!run)
		return -ENOMEM;
	first = first_chunk(run->pages);
	if (!pinned_page_fits(first, policy) ||
	    !pinned_page_fits(first + (count - 1) * PINNED_CHUNK_PAGES, policy)) {
		free_run(run);
		return -ENOMEM;
	}
	for (i = 0; i < count; i++) {
		pages[i] = first + i * PINNED_CHUNK_PAGES;
		set_page_private(pages[i], (unsigned long)run);
	}
	return 0;
}

static void give(struct page *page)
{
	struct cma_run *run = (struct cma_run *)page_private(page);

	set_page_private(page, 0);
	if (refcount_dec_and_test(&run->chunks))
		free_run(run);
}

const struct pinned_source pinned_source_cma = {
	.id = PINNED_MEM_SOURCE_CMA,
	.take = take,
	.give = give,
};

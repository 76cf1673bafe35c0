// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chunks from the carve-out: memory that was reserved at boot, and that the kernel uses for nothing
 * else. The carve-out cannot be fragmented, and lies at the address that the administrator chose.
 *
 * The device tree describes a carve-out by a node below /reserved-memory that is compatible with
 * "pinned-mem,carveout" and lacks no-map; the kernel then has page structures and a mapping for the
 * memory. The module parameter carveout=SIZE@ADDRESS describes memory that the command line
 * withheld from the kernel (x86: memmap=SIZE$ADDRESS); the kernel has neither for it, so this file
 * creates both.
 *
 * The chunks consist of single pages, and are mapped page by page. They are zeroed when they are
 * taken.
 *
 * Locks: `lock`, a mutex, protects the bitmap, and nests inside all others.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/of_address.h>

#include "base.h"
#include "carveout.h"
#include "page.h"
#include "source.h"

static DEFINE_MUTEX(lock);
static unsigned long *is_taken; /* one bit for each chunk */
static unsigned long first_pfn, n_chunks, n_free;

static char *carveout;
/*
 * module_param_hw: the parameter names hardware, so a kernel in lockdown refuses it. Only root can
 * read the parameter, since a reader could infer addresses: chunks are taken in the order of their
 * addresses.
 */
module_param_hw(carveout, charp, iomem, 0400);
MODULE_PARM_DESC(carveout, "SIZE@ADDRESS of reserved memory (K, M, G; whole chunks of 2 MiB)");

static struct page *page_of(unsigned long index)
{
	return pfn_to_page(first_pfn + (index << PINNED_CHUNK_ORDER));
}

/* Returns how many chunks lie below a ceiling; they are the first ones. */
static unsigned long count_below(u64 max_phys)
{
	u64 base = PFN_PHYS(first_pfn);

	if (max_phys < base)
		return 0;
	return min_t(u64, (max_phys - base + 1) >> PINNED_MEM_CHUNK_SHIFT, n_chunks);
}

/* Returns the index of the first contiguous run of @count free chunks that fit, or n_chunks. */
static unsigned long find_run_locked(const struct pinned_policy *policy, unsigned long count)
{
	unsigned long end = min(count_below(policy->max_phys), n_chunks), i = 0;

	lockdep_assert_held(&lock);
	for (;; i++) {
		i = bitmap_find_next_zero_area(is_taken, end, i, count, 0);
		if (i >= end)
			return n_chunks;
		if (pinned_page_fits(page_of(i), policy) &&
		    pinned_page_fits(page_of(i + count - 1), policy))
			return i;
	}
}

static int take(const struct pinned_policy *policy, struct page **pages, unsigned long count)
{
	unsigned long first, i;

	mutex_lock(&lock);
	first = find_run_locked(policy, count);
	if (first < n_chunks) {
		bitmap_set(is_taken, first, count);
		n_free -= count;
	}
	mutex_unlock(&lock);
	if (first == n_chunks)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		pages[i] = page_of(first + i);
		pinned_page_zero(pages[i]);
	}
	return 0;
}

static void give(struct page *page)
{
	mutex_lock(&lock);
	bitmap_clear(is_taken, (page_to_pfn(page) - first_pfn) >> PINNED_CHUNK_ORDER, 1);
	n_free++;
	mutex_unlock(&lock);
}

const struct pinned_source pinned_source_carveout = {
	.id = PINNED_MEM_SOURCE_CARVEOUT,
	.take = take,
	.give = give,
};

/*
 * The next functions return the number of chunks in the carve-out: of all chunks, and of free ones.
 */
unsigned long pinned_carveout_size(void)
{
	return n_chunks;
}

unsigned long pinned_carveout_free(void)
{
	return READ_ONCE(n_free);
}

/* Finding the memory, and creating page structures for it. */

#ifdef CONFIG_ZONE_DEVICE
static struct dev_pagemap pagemap;
static struct resource *region;

/* Creates page structures and a mapping for memory that the kernel does not use. */
static int make_pages(phys_addr_t addr, u64 size)
{
	void *mapped;

	region = request_mem_region(addr, size, "pinned_mem");
	if (!region) {
		pr_err("carveout=%s is in use; is it reserved on the kernel's command line?\n",
		       carveout);
		return -EBUSY;
	}
	pagemap.type = MEMORY_DEVICE_GENERIC;
	pagemap.range.start = addr;
	pagemap.range.end = addr + size - 1;
	pagemap.nr_range = 1;
	mapped = memremap_pages(&pagemap, NUMA_NO_NODE);
	if (!IS_ERR(mapped))
		return 0;
	release_mem_region(addr, size);
	region = NULL;
	return PTR_ERR(mapped);
}

static void remove_pages(void)
{
	if (!region)
		return;
	memunmap_pages(&pagemap);
	release_mem_region(region->start, resource_size(region));
}
#else
static int make_pages(phys_addr_t addr, u64 size)
{
	pr_err("this kernel cannot use carveout=; reserve memory in the device tree\n");
	return -EOPNOTSUPP;
}

static void remove_pages(void)
{
}
#endif

static int parse_parameter(phys_addr_t *addr, u64 *size)
{
	char *end;

	*size = memparse(carveout, &end);
	if (*end != '@')
		return -EINVAL;
	*addr = memparse(end + 1, &end);
	if (*end || !*size || !IS_ALIGNED(*addr | *size, PINNED_MEM_CHUNK_SIZE) ||
	    *addr + *size < *addr)
		return -EINVAL;
	return 0;
}

static int find_by_parameter(phys_addr_t *addr, u64 *size)
{
	int err = parse_parameter(addr, size);

	if (err)
		pr_err("carveout=%s: want SIZE@ADDRESS, both multiples of 2M\n", carveout);
	return err ?: make_pages(*addr, *size);
}

/* Returns true if the kernel has reserved all of this memory and has page structures for it. */
static bool is_reserved(phys_addr_t addr, u64 size)
{
	unsigned long pfn;

	for (pfn = PHYS_PFN(addr); pfn < PHYS_PFN(addr + size); pfn++)
		if (!pfn_valid(pfn) || !PageReserved(pfn_to_page(pfn)))
			return false;
	return true;
}

static int find_in_device_tree(phys_addr_t *addr, u64 *size)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, "pinned-mem,carveout");
	struct resource res;
	int err;

	*size = 0;
	if (!node)
		return 0;
	err = of_address_to_resource(node, 0, &res);
	if (!err && of_property_read_bool(node, "no-map"))
		err = -EINVAL;
	of_node_put(node);
	if (!err && !IS_ALIGNED(res.start | resource_size(&res), PINNED_MEM_CHUNK_SIZE))
		err = -EINVAL;
	if (!err && !is_reserved(res.start, resource_size(&res)))
		err = -EINVAL;
	if (err) {
		pr_err("device tree: the carve-out needs reg in multiples of 2 MiB, no no-map\n");
		return err;
	}
	*addr = res.start;
	*size = resource_size(&res);
	return 0;
}

int pinned_carveout_init(void)
{
	phys_addr_t addr = 0;
	u64 size;
	int err = carveout ? find_by_parameter(&addr, &size) : find_in_device_tree(&addr, &size);

	if (err || !size)
		return err;
	is_taken = bitmap_zalloc(size >> PINNED_MEM_CHUNK_SHIFT, GFP_KERNEL);
	if (!is_taken) {
		remove_pages();
		return -ENOMEM;
	}
	first_pfn = PHYS_PFN(addr);
	n_chunks = size >> PINNED_MEM_CHUNK_SHIFT;
	n_free = n_chunks;
	return 0;
}

/* Frees the bitmap and the page structures; all chunks have come back. */
void pinned_carveout_exit(void)
{
	bitmap_free(is_taken);
	remove_pages();
}

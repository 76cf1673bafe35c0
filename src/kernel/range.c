// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges: references to the chunks of a part of a pool, and their scatter lists. dma-bufs
 * (export.c) and other drivers (kapi.c) hold ranges.
 *
 * Lifetime: a range has one reference to each of its chunks, so it depends on neither pool nor
 * process. A range has one holder, who destroys it. A complete range does not change, except for
 * its watch (watch.c), so reading it needs no lock. Adding slots takes pool->lock.
 */
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "chunk.h"
#include "memtype.h"
#include "pool.h"
#include "range.h"

/**
 * pinned_range_create() - creates an empty range, for pinned_range_add_slots() to fill
 * @offset: offset of the first byte in the first chunk
 * @length: bytes, at least 1
 *
 * Return: the range, or NULL without memory.
 */
struct pinned_mem_range *pinned_range_create(u32 offset, size_t length)
{
	unsigned long count = ((offset + length - 1) >> PINNED_MEM_CHUNK_SHIFT) + 1;
	struct pinned_mem_range *range;

	range = kvzalloc(struct_size(range, chunks, count), PINNED_GFP);
	if (!range)
		return NULL;
	range->offset = offset;
	range->length = length;
	pinned_watch_init(&range->watch, NULL, NULL);
	return range;
}

/**
 * pinned_range_add_slots() - adds references to the chunks of slots
 * @range: receives the chunks after those that it has
 * @view: a live view
 * @slot: first slot
 * @count: number of slots
 *
 * Marks the chunks as disclosed, since a device will learn their addresses, and begins the range's
 * watch. Takes pool->lock.
 *
 * Return: 0; -ENOENT at an empty slot, or at a chunk of another memory type; the caller must then
 * destroy the range.
 */
int pinned_range_add_slots(struct pinned_mem_range *range, struct pinned_view *view,
			   unsigned long slot, unsigned long count)
{
	struct pinned_chunk *chunk;
	unsigned long i;
	int err = 0;

	mutex_lock(&view->pool->lock);
	for (i = 0; i < count; i++) {
		chunk = xa_load(&view->chunks, slot + i);
		if (!chunk || (range->count && chunk->memory_type != range->memory_type)) {
			err = -ENOENT;
			break;
		}
		WRITE_ONCE(chunk->is_disclosed, true);
		range->memory_type = chunk->memory_type;
		range->chunks[range->count++] = pinned_chunk_get(chunk);
	}
	if (!err)
		pinned_watch_begin(&view->pool->watches, &range->watch, slot, count);
	mutex_unlock(&view->pool->lock);
	return err;
}

void pinned_range_destroy(struct pinned_mem_range *range)
{
	pinned_watch_end(&range->watch);
	while (range->count)
		pinned_chunk_put(range->chunks[--range->count]);
	kvfree(range);
}

/* Returns the page that contains the byte at @offset of the range. */
struct page *pinned_range_page(const struct pinned_mem_range *range, size_t offset)
{
	u64 at = (u64)range->offset + offset;
	struct pinned_chunk *chunk = range->chunks[at >> PINNED_MEM_CHUNK_SHIFT];

	return chunk->page + ((at & (PINNED_MEM_CHUNK_SIZE - 1)) >> PAGE_SHIFT);
}

static size_t left_in_chunk(const struct pinned_mem_range *range, size_t offset)
{
	u64 at = (u64)range->offset + offset;

	return min_t(u64, PINNED_MEM_CHUNK_SIZE - (at & (PINNED_MEM_CHUNK_SIZE - 1)),
		     range->length - offset);
}

static phys_addr_t phys_at(const struct pinned_mem_range *range, size_t offset)
{
	return page_to_phys(pinned_range_page(range, offset)) +
	       offset_in_page(range->offset + offset);
}

/*
 * Returns the number of physically contiguous bytes from @offset on, at most @max. Looks at no more
 * chunks than necessary for @max bytes.
 */
static size_t extent_at(const struct pinned_mem_range *range, size_t offset, size_t max)
{
	phys_addr_t phys = phys_at(range, offset);
	size_t length = left_in_chunk(range, offset);

	while (length < max && offset + length < range->length &&
	       phys_at(range, offset + length) == phys + length)
		length += left_in_chunk(range, offset + length);
	return min(length, max);
}

/* See pinned_mem_range_extent(). */
size_t pinned_range_extent(const struct pinned_mem_range *range, size_t offset, phys_addr_t *phys)
{
	*phys = phys_at(range, offset);
	return extent_at(range, offset, range->length - offset);
}

/*
 * Returns the maximum size of one entry of a scatter list, in whole pages: what the device accepts
 * and the DMA interface can map at once.
 */
static size_t max_segment(struct device *dev)
{
	size_t max = min_t(size_t, dma_get_max_seg_size(dev), dma_max_mapping_size(dev));

	return max(max & PAGE_MASK, PAGE_SIZE);
}

static unsigned int count_segments(const struct pinned_mem_range *range, size_t max)
{
	size_t offset = 0;
	unsigned int n = 0;

	for (; offset < range->length; offset += extent_at(range, offset, max))
		n++;
	return n;
}

static struct sg_table *make_table(const struct pinned_mem_range *range, size_t max)
{
	struct sg_table *sgt = kzalloc(sizeof(*sgt), PINNED_GFP);
	size_t offset = 0, length;
	struct scatterlist *sg;

	if (!sgt)
		return NULL;
	if (sg_alloc_table(sgt, count_segments(range, max), PINNED_GFP)) {
		kfree(sgt);
		return NULL;
	}
	for (sg = sgt->sgl; sg; sg = sg_next(sg), offset += length) {
		length = extent_at(range, offset, max);
		sg_set_page(sg, pinned_range_page(range, offset), length,
			    offset_in_page(range->offset + offset));
	}
	return sgt;
}

static void free_table(struct sg_table *sgt)
{
	sg_free_table(sgt);
	kfree(sgt);
}

/*
 * Returns the attributes for mapping a range. If the kernel's own mapping is cached and the user's
 * is not, the kernel must not access the memory through its own mapping: there is nothing to sync,
 * and the memory cannot be copied to a bounce buffer. Otherwise syncing costs nothing without a
 * bounce buffer.
 */
static unsigned long dma_attrs(const struct pinned_mem_range *range)
{
	return pinned_memtype_is_alike(range->memory_type) ? 0 : DMA_ATTR_SKIP_CPU_SYNC;
}

/*
 * Returns true if the device accesses the memory itself, directly or through an IOMMU, and not a
 * bounce buffer.
 */
static bool is_reached(struct device *dev, struct sg_table *sgt)
{
	struct scatterlist *sg;
	unsigned int i;

	if (device_iommu_mapped(dev))
		return true;
	for_each_sgtable_sg(sgt, sg, i) {
		if (sg_dma_address(sg) != phys_to_dma(dev, sg_phys(sg)))
			return false;
	}
	return true;
}

/* See pinned_mem_range_map(). */
struct sg_table *pinned_range_map(struct pinned_mem_range *range, struct device *dev,
				  enum dma_data_direction dir)
{
	struct sg_table *sgt = make_table(range, max_segment(dev));
	int err;

	if (!sgt)
		return ERR_PTR(-ENOMEM);
	err = dma_map_sgtable(dev, sgt, dir, dma_attrs(range));
	if (err) {
		free_table(sgt);
		return ERR_PTR(err);
	}
	if (!pinned_memtype_is_alike(range->memory_type) && !is_reached(dev, sgt)) {
		pinned_range_unmap(range, dev, sgt, dir);
		return ERR_PTR(-EIO);
	}
	return sgt;
}

/* Makes the device (@is_for_device), or the CPU, see what the other side wrote. */
void pinned_range_sync(struct pinned_mem_range *range, struct device *dev, struct sg_table *sgt,
		       enum dma_data_direction dir, bool is_for_device)
{
	if (!pinned_memtype_is_alike(range->memory_type))
		return;
	if (is_for_device)
		dma_sync_sgtable_for_device(dev, sgt, dir);
	else
		dma_sync_sgtable_for_cpu(dev, sgt, dir);
}

void pinned_range_unmap(struct pinned_mem_range *range, struct device *dev, struct sg_table *sgt,
			enum dma_data_direction dir)
{
	dma_unmap_sgtable(dev, sgt, dir, dma_attrs(range));
	free_table(sgt);
}

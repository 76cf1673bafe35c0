// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges: references to the chunks behind a piece of a pool, and their scatter
 * lists. What a dma-buf (export.c) and another driver (kapi.c) hold.
 *
 * Lifetime: a range has one reference to each of its chunks, so it needs neither
 * pool nor process. It belongs to one holder, who destroys it; it does not change
 * once it is complete, so reading it needs no lock. Adding to it takes pool->lock.
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
 * pinned_range_create() - an empty range, to be filled by pinned_range_add_slots()
 * @offset: of the first byte in the first chunk
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
	return range;
}

/**
 * pinned_range_add_slots() - reference the chunks of slots
 * @range: gets them after those that it has
 * @view: a live view
 * @slot: first slot
 * @count: slots
 *
 * A device is going to know the chunks' addresses.
 *
 * Return: 0, or -ENOENT at an empty slot; the range is to be destroyed then.
 */
int pinned_range_add_slots(struct pinned_mem_range *range, struct pinned_view *view,
			   unsigned long slot, unsigned long count)
{
	struct pinned_chunk *chunk;
	int err = 0;

	mutex_lock(&view->pool->lock);
	for (; count && !err; slot++, count--) {
		chunk = xa_load(&view->chunks, slot);
		if (!chunk || (range->count && chunk->memory_type != range->memory_type)) {
			err = -ENOENT;
			break;
		}
		WRITE_ONCE(chunk->is_disclosed, true);
		range->memory_type = chunk->memory_type;
		range->chunks[range->count++] = pinned_chunk_get(chunk);
	}
	mutex_unlock(&view->pool->lock);
	return err;
}

void pinned_range_destroy(struct pinned_mem_range *range)
{
	while (range->count)
		pinned_chunk_put(range->chunks[--range->count]);
	kvfree(range);
}

/* The page of a byte of the range. */
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

/* Contiguous bytes from @offset on, at most @max: no more chunks are looked at than that takes. */
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

/* What one entry may hold: what the device takes and can be mapped at once, in whole pages. */
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
 * Where the kernel's own mapping is cached and the user's is not, nothing may be touched through
 * the former: there is nothing to sync, and memory cannot be copied to a bounce buffer. Elsewhere
 * syncing costs nothing unless there is a bounce buffer.
 */
static unsigned long dma_attrs(const struct pinned_mem_range *range)
{
	return pinned_memtype_is_alike(range->memory_type) ? 0 : DMA_ATTR_SKIP_CPU_SYNC;
}

/* The device reaches the memory itself, directly or through an IOMMU. */
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

/* Makes the device, or the CPU, see what the other side wrote. */
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

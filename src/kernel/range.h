/* SPDX-License-Identifier: GPL-2.0-only */
/* Ranges: references to the chunks of a part of a pool, for dma-bufs and other drivers. */
#ifndef PINNED_MEM_RANGE_H
#define PINNED_MEM_RANGE_H

#include <linux/dma-direction.h>
#include <linux/types.h>

#include "watch.h"

struct device;
struct page;
struct pinned_chunk;
struct pinned_view;
struct sg_table;

/**
 * struct pinned_mem_range - consecutive bytes of one or more slots
 * @offset:	offset of the first byte in the first chunk
 * @length:	bytes
 * @memory_type: memory type of all the chunks
 * @watch:	tells the holder when the owner lets go of one of the chunks
 * @count:	number of chunks referenced so far
 * @chunks:	these chunks
 */
struct pinned_mem_range {
	u32 offset;
	size_t length;
	u32 memory_type;
	struct pinned_watch watch;
	unsigned long count;
	struct pinned_chunk *chunks[];
};

struct pinned_mem_range *pinned_range_create(u32 offset, size_t length);
int pinned_range_add_slots(struct pinned_mem_range *range, struct pinned_view *view,
			   unsigned long slot, unsigned long count);
void pinned_range_destroy(struct pinned_mem_range *range);

struct page *pinned_range_page(const struct pinned_mem_range *range, size_t offset);
size_t pinned_range_extent(const struct pinned_mem_range *range, size_t offset, phys_addr_t *phys);
struct sg_table *pinned_range_map(struct pinned_mem_range *range, struct device *dev,
				  enum dma_data_direction dir);
void pinned_range_sync(struct pinned_mem_range *range, struct device *dev, struct sg_table *sgt,
		       enum dma_data_direction dir, bool is_for_device);
void pinned_range_unmap(struct pinned_mem_range *range, struct device *dev, struct sg_table *sgt,
			enum dma_data_direction dir);

#endif /* PINNED_MEM_RANGE_H */

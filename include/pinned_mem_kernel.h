/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pinned-mem for other kernel drivers: from an address that a program passed to
 * the memory behind it, ready for DMA, without a copy and without get_user_pages.
 *
 * A range is a reference to the chunks behind a piece of a program's pinned
 * memory. It keeps them until it is put, whatever the program does meanwhile: it
 * may free, unmap or PUNCH the memory, fork or die. Until then nobody else gets
 * the memory. The range keeps the pinned_mem module loaded.
 *
 *	range = pinned_mem_range_get(NULL, arg.addr, arg.length, PINNED_MEM_RANGE_WRITE);
 *	sgt = pinned_mem_range_map(range, &pdev->dev, DMA_FROM_DEVICE);
 *	... give sgt's entries to the device, wait for it ...
 *	pinned_mem_range_unmap(range, &pdev->dev, sgt, DMA_FROM_DEVICE);
 *	pinned_mem_range_put(range);
 *
 * Build with the Module.symvers of the installed pinned_mem (KBUILD_EXTRA_SYMBOLS)
 * and MODULE_IMPORT_NS of PINNED_MEM, see PINNED_MEM_IMPORT_NS.
 *
 * All functions may sleep, and are safe to call from several threads at once.
 */
#ifndef PINNED_MEM_KERNEL_H
#define PINNED_MEM_KERNEL_H

#include <linux/dma-direction.h>
#include <linux/scatterlist.h>
#include <linux/types.h>
#include <linux/version.h>

struct device;
struct pinned_mem_range;
struct task_struct;

/* The device will write: the program must have been allowed to. */
#define PINNED_MEM_RANGE_WRITE (1U << 0)

/* The name became a string in 6.13. Write `PINNED_MEM_IMPORT_NS;` once in a module. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define PINNED_MEM_IMPORT_NS MODULE_IMPORT_NS(PINNED_MEM)
#else
#define PINNED_MEM_IMPORT_NS MODULE_IMPORT_NS("PINNED_MEM")
#endif

/**
 * pinned_mem_range_get() - the memory behind a program's addresses
 * @task:	whose addresses; NULL for the current process. The caller holds a
 *		reference, and has checked that its user may look into that process
 * @addr:	first address, need not be aligned
 * @length:	bytes, at least 1
 * @flags:	PINNED_MEM_RANGE_*
 *
 * Cost: a look-up of the mapping and of each 2 MiB, a small allocation.
 *
 * Return: the range, to be put; ERR_PTR(-EFAULT) if a part of it is not mapped,
 * or not with the right to write that @flags ask for; ERR_PTR(-ENXIO) if a part
 * is not pinned memory of that process, its inherited copies of another's pinned
 * memory included: copy then; ERR_PTR(-EINVAL) for a length of 0 or an overflow;
 * ERR_PTR(-ESRCH) if the process has gone; ERR_PTR(-ENOMEM).
 */
struct pinned_mem_range *pinned_mem_range_get(struct task_struct *task, unsigned long addr,
					      size_t length, unsigned int flags);

/**
 * pinned_mem_range_put() - let go of a range
 * @range:	no device may use its memory any more, and all its tables are unmapped
 */
void pinned_mem_range_put(struct pinned_mem_range *range);

/* Bytes in the range. */
size_t pinned_mem_range_length(const struct pinned_mem_range *range);

/**
 * pinned_mem_range_extent() - one physically contiguous piece
 * @range:	the range
 * @offset:	from its start, below its length
 * @phys:	physical address of the byte at @offset
 *
 * For devices that are programmed with physical addresses. Where an IOMMU may be
 * in between, use pinned_mem_range_map().
 *
 * Return: bytes from there on that are contiguous and in the range.
 */
size_t pinned_mem_range_extent(const struct pinned_mem_range *range, size_t offset,
			       phys_addr_t *phys);

/**
 * pinned_mem_range_map() - map a range for a device, through its IOMMU if it has one
 * @range:	the range
 * @dev:	the device, its DMA mask and segment limits set
 * @dir:	what the device does with the memory
 *
 * Return: a table of DMA addresses, as few as the memory and the device allow;
 * ERR_PTR(-ENOMEM), or what dma_map_sgtable() says.
 */
struct sg_table *pinned_mem_range_map(struct pinned_mem_range *range, struct device *dev,
				      enum dma_data_direction dir);

/* Undo pinned_mem_range_map(), with what it was called with. */
void pinned_mem_range_unmap(struct pinned_mem_range *range, struct device *dev,
			    struct sg_table *sgt, enum dma_data_direction dir);

/*
 * Between mapping and unmapping: hand the memory to the device, or back to the
 * CPU. Needed where caches or bounce buffers are in between, free elsewhere.
 */
void pinned_mem_range_sync_for_device(struct pinned_mem_range *range, struct device *dev,
				      struct sg_table *sgt, enum dma_data_direction dir);
void pinned_mem_range_sync_for_cpu(struct pinned_mem_range *range, struct device *dev,
				   struct sg_table *sgt, enum dma_data_direction dir);

#endif /* PINNED_MEM_KERNEL_H */

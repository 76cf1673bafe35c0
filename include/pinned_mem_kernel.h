/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pinned-mem for other kernel drivers: these functions map the memory at a
 * program's address for DMA, without a copy and without get_user_pages.
 *
 * A range holds references to the chunks of a piece of a program's pinned memory.
 * It keeps the chunks until it is put, even if the program frees, unmaps or
 * PUNCHes the memory, forks, or dies. Until then the memory is not reused. The
 * range also keeps the pinned_mem module loaded.
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

/* The device will write; the program must have write access to the memory. */
#define PINNED_MEM_RANGE_WRITE (1U << 0)

/* The name became a string in 6.13. Write `PINNED_MEM_IMPORT_NS;` once in a module. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define PINNED_MEM_IMPORT_NS MODULE_IMPORT_NS(PINNED_MEM)
#else
#define PINNED_MEM_IMPORT_NS MODULE_IMPORT_NS("PINNED_MEM")
#endif

/**
 * pinned_mem_range_get() - the memory behind a program's addresses
 * @task:	the process; NULL for the current one. The caller holds a reference,
 *		and has checked that its user may access that process
 * @addr:	first address, need not be aligned
 * @length:	bytes, at least 1
 * @flags:	PINNED_MEM_RANGE_*
 *
 * Cost: a look-up of the mapping and of each 2 MiB, a small allocation.
 *
 * Return: the range, which the caller must put; ERR_PTR(-EFAULT) if a part of it
 * is not mapped, or lacks the write access that @flags require; ERR_PTR(-ENXIO)
 * if a part is not pinned memory of that process (copies that the process has
 * inherited over a fork are not), in which case the caller should copy;
 * ERR_PTR(-EINVAL) for a length of 0 or an overflow; ERR_PTR(-ESRCH) if the
 * process has ended; ERR_PTR(-ENOMEM).
 */
struct pinned_mem_range *pinned_mem_range_get(struct task_struct *task, unsigned long addr,
					      size_t length, unsigned int flags);

/**
 * pinned_mem_range_get_revocable() - as pinned_mem_range_get(), with a notice
 * @task:	as above
 * @addr:	as above
 * @length:	as above
 * @flags:	as above
 * @revoked:	called once, when the owner PUNCHes a part of the memory, closes and
 *		unmaps its pool, or dies
 * @data:	argument of @revoked
 *
 * The range keeps the memory after the notice as before; the driver chooses whether
 * it goes on, or stops its device and puts the range. @revoked is called from a work
 * queue, and may sleep. It must not put the range, since pinned_mem_range_put() waits
 * for @revoked; nor may it take a lock that is held around pinned_mem_range_put().
 * It may be called before this function has returned.
 *
 * Return: as pinned_mem_range_get().
 */
struct pinned_mem_range *pinned_mem_range_get_revocable(struct task_struct *task,
							unsigned long addr, size_t length,
							unsigned int flags,
							void (*revoked)(void *data), void *data);

/**
 * pinned_mem_range_put() - release a range
 * @range:	the range; no device may use its memory any more, and all its tables
 *		must be unmapped
 *
 * After it, no notice of this range arrives, and none is running.
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
 * This function serves devices that are programmed with physical addresses. If the
 * device may be behind an IOMMU, use pinned_mem_range_map().
 *
 * Return: the number of contiguous bytes from @offset on, within the range.
 */
size_t pinned_mem_range_extent(const struct pinned_mem_range *range, size_t offset,
			       phys_addr_t *phys);

/**
 * pinned_mem_range_map() - map a range for a device, through its IOMMU if it has one
 * @range:	the range
 * @dev:	the device, its DMA mask and segment limits set
 * @dir:	what the device does with the memory
 *
 * If the device does not reach the memory, the kernel copies what the device reads and
 * writes (a bounce buffer), when the table is mapped, synced and unmapped. It cannot
 * copy memory that is not cached on an architecture other than x86.
 *
 * Return: a table of DMA addresses, with as few entries as the memory and the
 * device allow; ERR_PTR(-ENOMEM); ERR_PTR(-EIO) if the kernel would have to copy memory
 * that it cannot copy; or the error of dma_map_sgtable().
 */
struct sg_table *pinned_mem_range_map(struct pinned_mem_range *range, struct device *dev,
				      enum dma_data_direction dir);

/* Undoes pinned_mem_range_map(); the arguments must be the same. */
void pinned_mem_range_unmap(struct pinned_mem_range *range, struct device *dev,
			    struct sg_table *sgt, enum dma_data_direction dir);

/*
 * These functions hand the memory to the device, or back to the CPU, between
 * mapping and unmapping. They are needed where caches or bounce buffers are in
 * between, and cost nothing elsewhere.
 */
void pinned_mem_range_sync_for_device(struct pinned_mem_range *range, struct device *dev,
				      struct sg_table *sgt, enum dma_data_direction dir);
void pinned_mem_range_sync_for_cpu(struct pinned_mem_range *range, struct device *dev,
				   struct sg_table *sgt, enum dma_data_direction dir);

#endif /* PINNED_MEM_KERNEL_H */

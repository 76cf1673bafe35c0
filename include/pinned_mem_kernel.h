/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pinned-mem for other kernel drivers: these functions map the memory at a
 * program's address for DMA, without a copy and without get_user_pages.
 *
 * A range holds references to the chunks that contain a piece of a program's pinned
 * memory. The range keeps the chunks until the driver puts the range, even if the
 * program frees, unmaps or PUNCHes the memory, forks, or dies. Until then the memory
 * is not reused. The range also keeps the module pinned_mem loaded.
 *
 *	range = pinned_mem_range_get(NULL, arg.addr, arg.length, PINNED_MEM_RANGE_WRITE);
 *	sgt = pinned_mem_range_map(range, &pdev->dev, DMA_FROM_DEVICE);
 *	... give sgt's entries to the device, wait for it ...
 *	pinned_mem_range_unmap(range, &pdev->dev, sgt, DMA_FROM_DEVICE);
 *	pinned_mem_range_put(range);
 *
 * Build with the Module.symvers of the installed pinned_mem (KBUILD_EXTRA_SYMBOLS),
 * and import the symbol namespace PINNED_MEM, see PINNED_MEM_IMPORT_NS.
 *
 * All functions may sleep. Several threads may call them at once, also for one range;
 * but no other thread may use a range during pinned_mem_range_put() or afterwards.
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

/*
 * Imports the symbol namespace. Write `PINNED_MEM_IMPORT_NS;` once in a module. Since
 * Linux 6.13, the name of a namespace is a string.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define PINNED_MEM_IMPORT_NS MODULE_IMPORT_NS(PINNED_MEM)
#else
#define PINNED_MEM_IMPORT_NS MODULE_IMPORT_NS("PINNED_MEM")
#endif

/**
 * pinned_mem_range_get() - take a reference to the memory at a program's addresses
 * @task:	the process; NULL for the current one. The caller holds a reference to
 *		@task, and has checked that its user may access that process
 * @addr:	first address, need not be aligned
 * @length:	bytes, at least 1
 * @flags:	PINNED_MEM_RANGE_*, or 0
 *
 * The function takes the process's mmap_lock for reading.
 * Cost: a look-up of each mapping and of each 2 MiB, and a small allocation.
 *
 * Return: the range, which the caller must put; ERR_PTR(-EFAULT) if a part of it
 * is not mapped, contains no memory, or lacks the write access that @flags require;
 * ERR_PTR(-ENXIO) if a part is not pinned memory of that process (copies that the
 * process has inherited over a fork are not), or if the parts do not lie in one pool
 * in the order of their addresses, in which cases the caller should copy;
 * ERR_PTR(-EINVAL) for a length of 0, an overflow, or an unknown flag;
 * ERR_PTR(-ESRCH) if the process has ended; ERR_PTR(-ENOMEM).
 */
struct pinned_mem_range *pinned_mem_range_get(struct task_struct *task, unsigned long addr,
					      size_t length, unsigned int flags);

/**
 * pinned_mem_range_get_revocable() - as pinned_mem_range_get(), with a notice
 * @task:	as for pinned_mem_range_get()
 * @addr:	as for pinned_mem_range_get()
 * @length:	as for pinned_mem_range_get()
 * @flags:	as for pinned_mem_range_get()
 * @revoked:	called once, when the owner PUNCHes a part of the memory, closes and
 *		unmaps its pool, or dies; NULL for no notice. If the owner has unmapped
 *		the whole pool, and forked children still map it, the call comes when
 *		the last of them has unmapped it
 * @data:	argument of @revoked
 *
 * The range keeps the memory after the notice as before. The driver may continue to
 * use the memory, or stop its device and put the range. @revoked is called from a work
 * queue, possibly before this function has returned, and may sleep. @revoked must not
 * put the range, since pinned_mem_range_put() waits for @revoked; nor may @revoked take
 * a lock that is held around pinned_mem_range_put().
 *
 * Return and cost: as pinned_mem_range_get().
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
 * The function waits for a notice of this range that is running. After it has
 * returned, no notice of this range arrives.
 */
void pinned_mem_range_put(struct pinned_mem_range *range);

/**
 * pinned_mem_range_length() - the length of a range
 * @range:	the range
 *
 * Return: the number of bytes for which the range was taken. Cost: a load.
 */
size_t pinned_mem_range_length(const struct pinned_mem_range *range);

/**
 * pinned_mem_range_extent() - find a physically contiguous piece of a range
 * @range:	the range
 * @offset:	bytes from the start of the range, less than its length
 * @phys:	receives the physical address of the byte at @offset
 *
 * This function serves devices that are programmed with physical addresses. If the
 * device may be behind an IOMMU, use pinned_mem_range_map().
 *
 * Return: the number of contiguous bytes from @offset on, within the range.
 * Cost: one comparison for each 2 MiB of the piece.
 */
size_t pinned_mem_range_extent(const struct pinned_mem_range *range, size_t offset,
			       phys_addr_t *phys);

/**
 * pinned_mem_range_map() - map a range for a device, through its IOMMU if it has one
 * @range:	the range
 * @dev:	the device, whose DMA mask and segment limits are set
 * @dir:	what the device does with the memory
 *
 * If the device does not reach the memory, the kernel copies what the device reads and
 * writes (through a bounce buffer), when the table is mapped, synced and unmapped. On
 * an architecture other than x86, the kernel cannot copy memory that is not cached.
 *
 * Return: a table of DMA addresses, with as few entries as the memory and the
 * device allow; ERR_PTR(-ENOMEM); ERR_PTR(-EIO) if the kernel would have to copy memory
 * that it cannot copy; or the error of dma_map_sgtable().
 */
struct sg_table *pinned_mem_range_map(struct pinned_mem_range *range, struct device *dev,
				      enum dma_data_direction dir);

/**
 * pinned_mem_range_unmap() - undo pinned_mem_range_map(), and free the table
 * @range:	as for pinned_mem_range_map()
 * @dev:	as for pinned_mem_range_map()
 * @sgt:	the table that pinned_mem_range_map() has returned
 * @dir:	as for pinned_mem_range_map()
 */
void pinned_mem_range_unmap(struct pinned_mem_range *range, struct device *dev,
			    struct sg_table *sgt, enum dma_data_direction dir);

/**
 * pinned_mem_range_sync_for_device() - hand mapped memory to the device
 * @range:	as for pinned_mem_range_map()
 * @dev:	as for pinned_mem_range_map()
 * @sgt:	the table that pinned_mem_range_map() has returned
 * @dir:	as for pinned_mem_range_map()
 *
 * A driver that uses one mapping for several transfers calls this before each further
 * transfer, and pinned_mem_range_sync_for_cpu() after each transfer.
 * Cost: nothing, unless caches or bounce buffers are between the CPU and the device.
 */
void pinned_mem_range_sync_for_device(struct pinned_mem_range *range, struct device *dev,
				      struct sg_table *sgt, enum dma_data_direction dir);

/**
 * pinned_mem_range_sync_for_cpu() - hand mapped memory back to the CPU
 * @range:	as for pinned_mem_range_map()
 * @dev:	as for pinned_mem_range_map()
 * @sgt:	the table that pinned_mem_range_map() has returned
 * @dir:	as for pinned_mem_range_map()
 *
 * Cost: as pinned_mem_range_sync_for_device().
 */
void pinned_mem_range_sync_for_cpu(struct pinned_mem_range *range, struct device *dev,
				   struct sg_table *sgt, enum dma_data_direction dir);

#endif /* PINNED_MEM_KERNEL_H */

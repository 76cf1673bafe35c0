// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interface for other drivers, see include/pinned_mem_kernel.h. This file translates a
 * process's addresses to slots; range.c does the rest.
 *
 * Locks: the process's mmap_lock for reading, and pool->lock inside it. While mmap_lock is held, a
 * mapping with our operations has a view, and the mapping's file keeps the pool alive.
 */
#include <linux/err.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <pinned_mem_kernel.h>

#include "chunk.h"
#include "compat.h"
#include "map.h"
#include "pool.h"
#include "range.h"

/* The position in a pool that an address shows. */
struct place {
	struct pinned_view *view;
	u64 offset;
};

/*
 * Finds the position in a pool that @addr shows. Returns 0; -EFAULT if there is no such mapping, or
 * no permission to write; -ENXIO if the mapping is not one of ours, or belongs to a forked child.
 */
static int find_place(struct vm_area_struct *vma, unsigned long addr, unsigned int flags,
		      struct place *place)
{
	if (!vma || vma->vm_start > addr)
		return -EFAULT;
	if (flags & PINNED_MEM_RANGE_WRITE && !(vma->vm_flags & VM_WRITE))
		return -EFAULT;
	place->view = pinned_map_view(vma);
	if (!place->view || !pinned_view_is_live(place->view))
		return -ENXIO;
	place->offset = ((u64)vma->vm_pgoff << PAGE_SHIFT) + (addr - vma->vm_start);
	return 0;
}

/*
 * Checks that all mappings from @addr on show one pool without a gap, and finds the position of the
 * first byte. Returns as find_place().
 */
static int find_all(struct mm_struct *mm, unsigned long addr, size_t length, unsigned int flags,
		    struct place *first)
{
	unsigned long at = addr, end = addr + length;
	struct vm_area_struct *vma;
	struct place place;
	int err;

	lockdep_assert_held(&mm->mmap_lock);
	for (; at < end; at = vma->vm_end) {
		vma = find_vma(mm, at);
		err = find_place(vma, at, flags, &place);
		if (err)
			return err;
		if (at == addr)
			*first = place;
		else if (place.view != first->view || place.offset - first->offset != at - addr)
			return -ENXIO;
	}
	return 0;
}

/* The function to call when the owner lets go of the memory, or NULL; and its argument. */
struct notice {
	void (*revoked)(void *data);
	void *data;
};

static struct pinned_mem_range *get_locked(struct mm_struct *mm, unsigned long addr, size_t length,
					   unsigned int flags, const struct notice *notice)
{
	struct pinned_mem_range *range;
	unsigned long slot, last;
	struct place place;
	int err;

	lockdep_assert_held(&mm->mmap_lock);
	err = find_all(mm, addr, length, flags, &place);
	if (err)
		return ERR_PTR(err);
	range = pinned_range_create(place.offset & (PINNED_MEM_CHUNK_SIZE - 1), length);
	if (!range)
		return ERR_PTR(-ENOMEM);
	pinned_watch_init(&range->watch, notice->revoked, notice->data);
	slot = place.offset >> PINNED_MEM_CHUNK_SHIFT;
	last = (place.offset + length - 1) >> PINNED_MEM_CHUNK_SHIFT;
	err = pinned_range_add_slots(range, place.view, slot, last - slot + 1);
	if (!err)
		return range;
	pinned_range_destroy(range);
	/* To the caller, an empty slot is the same as a missing mapping. */
	return ERR_PTR(-EFAULT);
}

static struct mm_struct *get_mm(struct task_struct *task)
{
	if (task)
		return get_task_mm(task);
	if (current->mm)
		mmget(current->mm);
	return current->mm;
}

static struct pinned_mem_range *get(struct task_struct *task, unsigned long addr, size_t length,
				    unsigned int flags, const struct notice *notice)
{
	struct pinned_mem_range *range;
	struct mm_struct *mm;

	if (!length || addr + length < addr || flags & ~PINNED_MEM_RANGE_WRITE)
		return ERR_PTR(-EINVAL);
	mm = get_mm(task);
	if (!mm)
		return ERR_PTR(-ESRCH);
	mmap_read_lock(mm);
	range = get_locked(mm, addr, length, flags, notice);
	mmap_read_unlock(mm);
	mmput(mm);
	if (!IS_ERR(range))
		__module_get(THIS_MODULE);
	return range;
}

struct pinned_mem_range *pinned_mem_range_get(struct task_struct *task, unsigned long addr,
					      size_t length, unsigned int flags)
{
	return get(task, addr, length, flags, &(struct notice){});
}
PINNED_EXPORT_SYMBOL(pinned_mem_range_get);

struct pinned_mem_range *pinned_mem_range_get_revocable(struct task_struct *task,
							unsigned long addr, size_t length,
							unsigned int flags,
							void (*revoked)(void *data), void *data)
{
	return get(task, addr, length, flags, &(struct notice){ revoked, data });
}
PINNED_EXPORT_SYMBOL(pinned_mem_range_get_revocable);

void pinned_mem_range_put(struct pinned_mem_range *range)
{
	pinned_range_destroy(range);
	module_put(THIS_MODULE);
}
PINNED_EXPORT_SYMBOL(pinned_mem_range_put);

size_t pinned_mem_range_length(const struct pinned_mem_range *range)
{
	return range->length;
}
PINNED_EXPORT_SYMBOL(pinned_mem_range_length);

size_t pinned_mem_range_extent(const struct pinned_mem_range *range, size_t offset,
			       phys_addr_t *phys)
{
	return pinned_range_extent(range, offset, phys);
}
PINNED_EXPORT_SYMBOL(pinned_mem_range_extent);

struct sg_table *pinned_mem_range_map(struct pinned_mem_range *range, struct device *dev,
				      enum dma_data_direction dir)
{
	return pinned_range_map(range, dev, dir);
}
PINNED_EXPORT_SYMBOL(pinned_mem_range_map);

void pinned_mem_range_unmap(struct pinned_mem_range *range, struct device *dev,
			    struct sg_table *sgt, enum dma_data_direction dir)
{
	pinned_range_unmap(range, dev, sgt, dir);
}
PINNED_EXPORT_SYMBOL(pinned_mem_range_unmap);

void pinned_mem_range_sync_for_device(struct pinned_mem_range *range, struct device *dev,
				      struct sg_table *sgt, enum dma_data_direction dir)
{
	pinned_range_sync(range, dev, sgt, dir, true);
}
PINNED_EXPORT_SYMBOL(pinned_mem_range_sync_for_device);

void pinned_mem_range_sync_for_cpu(struct pinned_mem_range *range, struct device *dev,
				   struct sg_table *sgt, enum dma_data_direction dir)
{
	pinned_range_sync(range, dev, sgt, dir, false);
}
PINNED_EXPORT_SYMBOL(pinned_mem_range_sync_for_cpu);

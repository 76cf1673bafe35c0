// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings: mmap, faults, and what fork, split, move and unmap do to them.
 *
 * Chunks are mapped as ordinary struct pages of a shared file mapping, so that
 * get_user_pages works and RSS counts them. The fault returns the locked,
 * referenced subpage; the core then maps the whole chunk with one entry where
 * address and offset are congruent and the kernel has THP, else that page.
 * There is no page_mkwrite: since 6.5 a mapping that has one refuses long-term
 * write pins.
 *
 * A mapping's vm_private_data is its view, or NULL when fork had no memory for
 * one. vm_ops->open runs for each copy of a mapping, also for those that split
 * and mremap make; fork's are the ones whose mm is not the view's.
 *
 * Locks: see view.c. The fault takes no pool lock: it finds the chunk, locks the
 * page, and looks again whether the chunk is still in the table. PUNCH erases
 * first and locks the page afterwards, so one of the two sees the other.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "chunk.h"
#include "compat.h"
#include "map.h"
#include "pool.h"

static vm_fault_t map_fault(struct vm_fault *vmf)
{
	struct pinned_view *view = vmf->vma->vm_private_data;
	unsigned long slot = vmf->pgoff >> PINNED_CHUNK_ORDER;
	struct page *chunk;

	if (!view)
		return VM_FAULT_SIGBUS;
	for (;;) {
		chunk = pinned_view_get_chunk(view, slot);
		if (!chunk)
			return VM_FAULT_SIGBUS;
		lock_page(chunk);
		if (pinned_view_has_chunk(view, slot, chunk))
			break;
		unlock_page(chunk);
		put_page(chunk);
	}
	vmf->page = chunk + (vmf->pgoff & (PINNED_CHUNK_PAGES - 1));
	return VM_FAULT_LOCKED;
}

/*
 * Other threads of the parent could write through their page tables while the
 * child's copy is made. Without entries they fault, and wait for mmap_lock.
 */
static void stop_other_writers(struct pinned_view *view, struct vm_area_struct *vma)
{
	if (atomic_read(&view->mm->mm_users) > 1)
		unmap_mapping_range(view->pool->inode->i_mapping,
				    (loff_t)vma->vm_pgoff << PAGE_SHIFT,
				    (loff_t)vma_pages(vma) << PAGE_SHIFT, 1);
}

static void map_open(struct vm_area_struct *vma)
{
	struct pinned_view *view = vma->vm_private_data;

	if (!view)
		return;
	if (view->mm == vma->vm_mm) {
		pinned_view_add_vma(view);
		return;
	}
	stop_other_writers(view, vma);
	vma->vm_private_data = pinned_view_fork(view, vma);
}

static void map_close(struct vm_area_struct *vma)
{
	struct pinned_view *view = vma->vm_private_data;

	if (view)
		pinned_view_remove_vma(view);
}

/* A mapping with a name is part of core dumps, which leave out shared files otherwise. */
static const char *map_name(struct vm_area_struct *vma)
{
	return "[pinned_mem]";
}

static const struct vm_operations_struct map_ops = {
	.open = map_open,
	.close = map_close,
	.fault = map_fault,
	.name = map_name,
};

static bool is_inside_pool(struct vm_area_struct *vma)
{
	const u64 pages = PINNED_POOL_SIZE >> PAGE_SHIFT;

	return vma->vm_pgoff < pages && vma_pages(vma) <= pages - vma->vm_pgoff;
}

/**
 * pinned_map_pool() - the device's mmap
 * @pool: the pool
 * @vma: the new mapping
 *
 * Return: 0; -EPERM from a foreign address space; -EINVAL for a private mapping
 * or a range outside the pool; -EACCES for an executable one.
 */
int pinned_map_pool(struct pinned_pool *pool, struct vm_area_struct *vma)
{
	if (!pinned_pool_is_mine(pool))
		return -EPERM;
	/* VM_MAYSHARE: for a read-only descriptor the core clears VM_SHARED. */
	if (!(vma->vm_flags & VM_MAYSHARE) || !is_inside_pool(vma))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	vm_flags_mod(vma, VM_DONTEXPAND, VM_MAYEXEC);
	vma->vm_ops = &map_ops;
	vma->vm_private_data = &pool->live;
	pinned_view_add_vma(&pool->live);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings: mmap, page faults, and what fork, split, move and unmap do to mappings.
 *
 * Chunks are mapped as ordinary struct pages of a shared file mapping, so that get_user_pages works
 * and RSS counts them. A fault in an owner's mapping returns the locked, referenced subpage. The
 * core then maps the whole chunk with one entry if address and offset are congruent; otherwise the
 * core maps that page, or more pages at its discretion. A mapping with the flag VM_MIXEDMAP, which
 * fork sets (see snapshot.c), gets exactly one page.
 *
 * A kernel may be unable to map a chunk by one entry: it has no transparent huge pages (PREEMPT_RT
 * on Debian), or they are larger than a chunk (base pages of 16 or 64 KiB). On such a kernel, each
 * mapping has VM_MIXEDMAP from the beginning, and while no snapshot exists, one fault maps all
 * pages of the chunk, in ascending order. If address and offset are congruent, an arm64 kernel can
 * then set the contiguous bit: with 16 KiB pages, the bit covers 128 entries, which are one chunk.
 *
 * The owner's mappings have no page_mkwrite: since 6.5 the kernel refuses long-term write pins of a
 * mapping that has one. Mappings of forked children have page_mkwrite; their pages stay read-only
 * until it has been called.
 *
 * A mapping's vm_private_data is its view, or NULL if fork had no memory for a child's view. The
 * kernel calls vm_ops->open for each copy of a mapping, also for copies that split and mremap make;
 * in a copy that fork makes, the mm differs from the view's.
 *
 * Locks: see view.c. Unless there are snapshots, the fault that maps a whole chunk takes no pool
 * lock. Instead it finds the chunk, locks the page, and checks again that the chunk is still in the
 * table, and that there is still no snapshot. PUNCH erases the chunk first, and fork adds its
 * snapshot first, and both lock the page afterwards; so one of the two sides sees the other.
 */
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pagemap.h>
#include <linux/personality.h>
#include <linux/sched.h>

#include "chunk.h"
#include "compat.h"
#include "map.h"
#include "memtype.h"
#include "page.h"
#include "pool.h"
#include "snapshot.h"
#include "stat.h"
#include "trace.h"

static bool allow_exec = true;
module_param(allow_exec, bool, 0644);
MODULE_PARM_DESC(allow_exec, "whether programs may execute code in this memory (default: yes)");

/*
 * Returns true if a mapping was made for the memory type that the pool's chunks have now. Any other
 * mapping shows none of the chunks. The type cannot change while the pool contains chunks.
 */
static bool is_of_right_type(struct vm_area_struct *vma, struct pinned_view *view)
{
	/* Copies are write-back, and a child's mapping has been write-back since the fork. */
	return !pinned_view_is_live(view) ||
	       pinned_memtype_is_of(vma, READ_ONCE(view->pool->memory_type));
}

/* Maps one page, under the pool's lock. */
static vm_fault_t insert_page_locked(struct vm_fault *vmf, struct page *page)
{
	struct pinned_view *view = vmf->vma->vm_private_data;
	int err;

	lockdep_assert_held(&view->pool->lock);
	if (!page)
		return VM_FAULT_SIGBUS;
	if (PageHWPoison(page))
		return VM_FAULT_HWPOISON;
	/* Kernels before 6.2 require the page's lock where they record that a part is mapped. */
	lock_page(page);
	err = vm_insert_page(vmf->vma, vmf->address & PAGE_MASK, page);
	unlock_page(page);
	/* EBUSY: another thread has mapped the page first. */
	return !err || err == -EBUSY ? VM_FAULT_NOPAGE : vmf_error(err);
}

/*
 * Maps those of @count pages that are not mapped yet. Returns false without memory for page tables.
 */
static bool insert_pages_locked(struct vm_area_struct *vma, unsigned long address,
				struct page *first, unsigned long count)
{
	struct pinned_view *view = vma->vm_private_data;
	unsigned long done = 0, now, left, i;
	struct page *pages[32];
	int err;

	lockdep_assert_held(&view->pool->lock);
	while (done < count) {
		now = min_t(unsigned long, count - done, ARRAY_SIZE(pages));
		left = now;
		for (i = 0; i < now; i++)
			pages[i] = first + done + i;
		err = vm_insert_pages(vma, address + (done << PAGE_SHIFT), pages, &left);
		done += now - left;
		if (err == -EBUSY)
			done++;
		else if (err)
			return false;
	}
	return true;
}

/*
 * Maps all pages of the chunk that @page belongs to, as far as the mapping shows the chunk. Returns
 * false if some could not be mapped.
 */
static bool insert_chunk_locked(struct vm_fault *vmf, struct page *page)
{
	struct vm_area_struct *vma = vmf->vma;
	struct pinned_view *view = vma->vm_private_data;
	pgoff_t start = round_down(vmf->pgoff, PINNED_CHUNK_PAGES);
	pgoff_t first = max(start, vma->vm_pgoff);
	pgoff_t end = min(start + PINNED_CHUNK_PAGES, vma->vm_pgoff + vma_pages(vma));
	bool is_done;

	lockdep_assert_held(&view->pool->lock);
	if (pinned_page_is_poisoned(page - (vmf->pgoff - start)))
		return false;
	lock_page(page);
	is_done = insert_pages_locked(vma, vma->vm_start + ((first - vma->vm_pgoff) << PAGE_SHIFT),
				      page - (vmf->pgoff - first), end - first);
	unlock_page(page);
	return is_done;
}

/*
 * Handles a fault in a mapping of the live view that must not have huge entries. Maps all pages of
 * the chunk if no entry can map a chunk on this kernel and there is no snapshot, or else one page.
 * Sets *is_whole to whether all pages are mapped.
 */
static vm_fault_t map_small(struct vm_fault *vmf, struct pinned_view *view, bool *is_whole)
{
	vm_fault_t result = VM_FAULT_SIGBUS;
	struct page *page;

	mutex_lock(&view->pool->lock);
	page = pinned_snapshot_live_page_locked(view, vmf->pgoff);
	if (page && is_of_right_type(vmf->vma, view)) {
		*is_whole = !pinned_page_maps_huge() && list_empty(&view->children) &&
			    insert_chunk_locked(vmf, page);
		result = *is_whole ? VM_FAULT_NOPAGE : insert_page_locked(vmf, page);
	}
	mutex_unlock(&view->pool->lock);
	return result;
}

/* Copies what the snapshots lack of a chunk, before the chunk is mapped whole. */
static void give_chunk(struct pinned_view *view, unsigned long slot)
{
	mutex_lock(&view->pool->lock);
	pinned_snapshot_give_chunk_locked(view, slot);
	mutex_unlock(&view->pool->lock);
}

static bool is_still_valid(struct pinned_view *view, pgoff_t pgoff, struct page *page,
			   bool is_given)
{
	return pinned_view_has_page(view, pgoff, page) && (is_given || list_empty(&view->children));
}

/*
 * Handles a fault in a mapping of the live view that may have huge entries: copies what the
 * snapshots lack of the chunk, and returns the page, locked and with a reference, for the core to
 * map.
 */
static vm_fault_t map_whole(struct vm_fault *vmf, struct pinned_view *view)
{
	bool is_given = false, is_poisoned;
	struct page *page;

	for (;;) {
		if (!list_empty(&view->children)) {
			give_chunk(view, vmf->pgoff >> PINNED_CHUNK_ORDER);
			is_given = true;
		}
		page = pinned_view_get_page(view, vmf->pgoff);
		if (!page)
			return VM_FAULT_SIGBUS;
		lock_page(page);
		if (is_still_valid(view, vmf->pgoff, page, is_given))
			break;
		unlock_page(page);
		put_page(page);
	}
	/*
	 * The core would look for a poisoned page in the page cache, which contains none of the
	 * driver's pages.
	 */
	if (PageHWPoison(page) || !is_of_right_type(vmf->vma, view)) {
		is_poisoned = PageHWPoison(page);
		unlock_page(page);
		put_page(page);
		return is_poisoned ? VM_FAULT_HWPOISON : VM_FAULT_SIGBUS;
	}
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

static void note_fault(struct vm_fault *vmf, bool is_whole, vm_fault_t result)
{
	struct pinned_view *view = vmf->vma->vm_private_data;

	pinned_count(is_whole ? PINNED_FAULT_WHOLE : PINNED_FAULT_SMALL);
	trace_pinned_mem_fault(view->pool->id, vmf->pgoff, is_whole, !pinned_view_is_live(view),
			       (__force unsigned int)result);
}

static vm_fault_t map_fault(struct vm_fault *vmf)
{
	struct pinned_view *view = vmf->vma->vm_private_data;
	bool is_whole = !(vmf->vma->vm_flags & VM_MIXEDMAP);
	vm_fault_t result;

	result = is_whole ? map_whole(vmf, view) : map_small(vmf, view, &is_whole);
	note_fault(vmf, is_whole, result);
	return result;
}

/* Handles a read by a snapshot: the page is mapped read-only, whatever the mapping allows. */
static vm_fault_t map_borrowed(struct vm_fault *vmf, struct pinned_view *view)
{
	vm_fault_t result;

	mutex_lock(&view->pool->lock);
	result = insert_page_locked(vmf, pinned_snapshot_readable_page_locked(view, vmf->pgoff));
	mutex_unlock(&view->pool->lock);
	return result;
}

/*
 * Handles a write by a snapshot: after this function, the core calls snapshot_mkwrite(), and then
 * maps the page, a single one.
 */
static vm_fault_t map_own(struct vm_fault *vmf, struct pinned_view *view)
{
	vm_fault_t result = VM_FAULT_SIGBUS;
	struct page *page;

	mutex_lock(&view->pool->lock);
	page = pinned_snapshot_writable_page_locked(view, vmf->pgoff);
	if (page) {
		get_page(page);
		lock_page(page);
		vmf->page = page;
		result = VM_FAULT_LOCKED;
	}
	mutex_unlock(&view->pool->lock);
	return result;
}

static vm_fault_t snapshot_fault(struct vm_fault *vmf)
{
	struct pinned_view *view = vmf->vma->vm_private_data;
	vm_fault_t result;

	if (!view)
		return VM_FAULT_SIGBUS;
	result = vmf->flags & FAULT_FLAG_WRITE ? map_own(vmf, view) : map_borrowed(vmf, view);
	note_fault(vmf, false, result);
	return result;
}

/*
 * Called before the core maps a snapshot's page writable. The page stays locked until the core has
 * mapped the page, so that a fork can wait for the mapping.
 */
static vm_fault_t snapshot_mkwrite(struct vm_fault *vmf)
{
	struct pinned_view *view = vmf->vma->vm_private_data;
	vm_fault_t result;
	struct page *page;

	mutex_lock(&view->pool->lock);
	page = pinned_snapshot_writable_page_locked(view, vmf->pgoff);
	if (!page) {
		result = VM_FAULT_SIGBUS;
	} else if (page != vmf->page) {
		/* The old page was unmapped: the access faults again, and finds the new page. */
		result = VM_FAULT_NOPAGE;
	} else {
		lock_page(page);
		result = VM_FAULT_LOCKED;
	}
	mutex_unlock(&view->pool->lock);
	return result;
}

static const struct vm_operations_struct snapshot_ops;

static void map_open(struct vm_area_struct *vma)
{
	struct pinned_view *view = vma->vm_private_data;

	if (!view)
		return;
	if (view->mm == vma->vm_mm) {
		pinned_view_add_vma(view, vma);
		return;
	}
	vma->vm_private_data = pinned_snapshot_fork(view, vma);
	vma->vm_ops = &snapshot_ops;
}

static void map_close(struct vm_area_struct *vma)
{
	struct pinned_view *view = vma->vm_private_data;

	if (view)
		pinned_view_remove_vma(view, vma);
}

/*
 * Returns true if a mapping shows memory, or may do so: a snapshot that may inherit pages from
 * another snapshot counts as one that does. Takes no lock, since new kernels call this function
 * under RCU.
 */
static bool holds_memory(struct vm_area_struct *vma)
{
	struct pinned_view *view = vma->vm_private_data;
	unsigned long first = vma->vm_pgoff, last = vma->vm_pgoff + vma_pages(vma) - 1;
	unsigned long slot = first >> PINNED_CHUNK_ORDER;

	if (!view)
		return false;
	if (xa_find(&view->pool->live.chunks, &slot, last >> PINNED_CHUNK_ORDER, XA_PRESENT))
		return true;
	if (pinned_view_is_live(view))
		return false;
	return READ_ONCE(view->pool->snapshots) > 1 ||
	       xa_find(&view->copies.pages, &first, last, XA_PRESENT);
}

/*
 * Names the mapping for core dumps: a dump contains the whole of a mapping that has a name,
 * whatever madvise() says, and omits other mappings of shared files.
 */
static const char *map_name(struct vm_area_struct *vma)
{
	return holds_memory(vma) && !(vma->vm_flags & VM_DONTDUMP) ? "[pinned_mem]" : NULL;
}

#ifdef CONFIG_NUMA
/*
 * A policy without the flag MPOL_F_MOF, so that NUMA balancing leaves the mapping alone. With the
 * flag, NUMA balancing would regularly remove page-table entries, to see which node accesses what.
 */
static struct mempolicy stay_policy = {
	.refcnt = ATOMIC_INIT(1),
	.mode = MPOL_PREFERRED,
};

static struct mempolicy *map_get_policy(PINNED_GET_POLICY_ARGUMENTS)
{
	return vma->vm_policy ?: &stay_policy;
}
#endif

/* The owner's mappings. */
static const struct vm_operations_struct map_ops = {
	.open = map_open,
	.close = map_close,
	.fault = map_fault,
	.name = map_name,
#ifdef CONFIG_NUMA
	.get_policy = map_get_policy,
#endif
};

/* Mappings of forked children. */
static const struct vm_operations_struct snapshot_ops = {
	.open = map_open,
	.close = map_close,
	.fault = snapshot_fault,
	.page_mkwrite = snapshot_mkwrite,
	.name = map_name,
#ifdef CONFIG_NUMA
	.get_policy = map_get_policy,
#endif
};

/* Returns the view that a mapping shows; NULL if the mapping is not one of ours. */
struct pinned_view *pinned_map_view(struct vm_area_struct *vma)
{
	bool is_ours = vma->vm_ops == &map_ops || vma->vm_ops == &snapshot_ops;

	return is_ours ? vma->vm_private_data : NULL;
}

static bool is_inside_pool(struct vm_area_struct *vma)
{
	const u64 pages = PINNED_POOL_SIZE >> PAGE_SHIFT;

	return vma->vm_pgoff < pages && vma_pages(vma) <= pages - vma->vm_pgoff;
}

/*
 * Allows execution, as for anonymous memory, unless the administrator forbids it. If it is
 * forbidden, a request for an executable mapping fails, but a program with READ_IMPLIES_EXEC has
 * not asked for execution, and gets its mapping without.
 */
static int check_execution(struct vm_area_struct *vma)
{
	if (READ_ONCE(allow_exec))
		return 0;
	if (vma->vm_flags & VM_EXEC && !(current->personality & READ_IMPLIES_EXEC))
		return -EACCES;
	vm_flags_mod(vma, 0, VM_EXEC | VM_MAYEXEC);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	return 0;
}

/**
 * pinned_map_pool() - maps a pool; the device's mmap
 * @pool: the pool
 * @vma: the new mapping
 *
 * Return: 0; -EPERM if the pool belongs to another address space; -EINVAL for a private mapping, or
 * for one that exceeds the pool; -EACCES for an executable mapping where execution is forbidden.
 */
int pinned_map_pool(struct pinned_pool *pool, struct vm_area_struct *vma)
{
	int err;

	if (!pinned_pool_is_mine(pool))
		return -EPERM;
	/* VM_MAYSHARE: for a read-only descriptor the core clears VM_SHARED. */
	if (!(vma->vm_flags & VM_MAYSHARE) || !is_inside_pool(vma))
		return -EINVAL;
	err = check_execution(vma);
	if (err)
		return err;
	vm_flags_mod(vma, VM_DONTEXPAND | (pinned_page_maps_huge() ? 0 : VM_MIXEDMAP), 0);
	vma->vm_page_prot = pinned_memtype_prot(READ_ONCE(pool->memory_type), vma->vm_page_prot);
	vma->vm_ops = &map_ops;
	vma->vm_private_data = &pool->live;
	pinned_view_add_vma(&pool->live, vma);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fork: reverse copy-on-write.
 *
 * The parent keeps its physical pages, since a device may be writing to them, and the child gets
 * copies. The fork itself copies nothing: it removes the parent's page-table entries, so that the
 * next access by either side faults, and the fault handler first makes the copies that are needed.
 * A page that nobody writes to is never copied.
 *
 * At each offset, a view sees its own page if it has one, or else the page that its origin sees.
 * The live view's own pages are those of its chunks; a snapshot's own pages are the copies in its
 * table. Two rules keep this true:
 *
 *	A view maps a page writable only while the page is its own and in no other table, and each
 *	child of the view has a page of its own at that offset.
 *
 *	Whoever changes the page that a view sees at an offset unmaps the offset from all views,
 *	before anybody can write to the old page.
 *
 * The live view maps everything writable: it has no page_mkwrite, since kernels from 6.5 on refuse
 * long-term pins of a mapping that has one. So any access of the owner copies what the children
 * lack. A snapshot maps the pages that it only reads read-only and shares them with other views
 * (the snapshot borrows the page); page_mkwrite reports the first write. Memory that is not
 * write-back is not borrowed: a snapshot's mappings are write-back, and two mappings of one page
 * must agree.
 *
 * Three places establish the first rule: the fork by unmapping, the fault handler before it maps a
 * page, and PUNCH before it removes a chunk. Chunks and forks record the pool's generation, because
 * a chunk that was put into its slot after a fork is not part of the snapshot. A copy that several
 * children lack is made once, and shared (see copy.c).
 *
 * The fork flags mappings that must use single pages as VM_MIXEDMAP, which vm_insert_page()
 * requires. Such a mapping must never get a huge entry: the core would treat the entry as a special
 * one and leak the page's reference. The owner gets huge entries again by mapping the pool anew
 * over such a mapping.
 *
 * Copies are charged to the child's memory cgroup, and to the limits. If the parent's access needs
 * a copy and there is no memory for that copy, the child's snapshot is marked as broken: the child
 * gets SIGBUS wherever it lacks a page, and the parent continues. The log contains one line for
 * each process that gets such a SIGBUS. A page whose memory is known to have failed is not copied,
 * and so costs the child that page alone; nobody can map such a page.
 *
 * Locks: everything here runs under pool->lock (see view.c); a fork also holds the parent's
 * mmap_lock for writing.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "chunk.h"
#include "compat.h"
#include "copy.h"
#include "memtype.h"
#include "name.h"
#include "need.h"
#include "pool.h"
#include "snapshot.h"
#include "stat.h"
#include "trace.h"
#include "view.h"

/* Pages and their tables. */

static struct page *own_page(struct pinned_view *view, pgoff_t pgoff, u64 generation)
{
	struct pinned_chunk *chunk;

	if (!pinned_view_is_live(view))
		return pinned_copies_find(&view->copies, pgoff);
	chunk = xa_load(&view->chunks, pgoff >> PINNED_CHUNK_ORDER);
	if (!chunk || chunk->born > generation)
		return NULL;
	return chunk->page + (pgoff & (PINNED_CHUNK_PAGES - 1));
}

/*
 * Returns the memory type of a page that a view sees: a chunk's, or write-back for a copy, whatever
 * the type of the original.
 */
static u32 type_of(struct pinned_pool *pool, pgoff_t pgoff, struct page *page)
{
	struct pinned_chunk *chunk = xa_load(&pool->live.chunks, pgoff >> PINNED_CHUNK_ORDER);

	if (chunk && page == chunk->page + (pgoff & (PINNED_CHUNK_PAGES - 1)))
		return chunk->memory_type;
	return PINNED_MEM_TYPE_CACHED;
}

/*
 * Copies a page for a view, and charges the view's process. Returns NULL at a limit or without
 * memory.
 */
static struct page *make_copy(struct pinned_view *for_view, pgoff_t pgoff, struct page *from)
{
	struct pinned_pool *pool = for_view->pool;
	struct page *page =
		pinned_copy_make(&for_view->copies, from, type_of(pool, pgoff, from), for_view->mm);

	if (!page)
		return NULL;
	pinned_count(PINNED_COPY);
	trace_pinned_mem_copy(pool->id, pgoff, false);
	return page;
}

/* Removes pages of the pool from the page tables of all views that may have borrowed them. */
static void unmap_borrowed(struct pinned_pool *pool, pgoff_t pgoff, unsigned long count)
{
	if (pool->has_borrowers)
		unmap_mapping_range(pool->inode->i_mapping, (loff_t)pgoff << PAGE_SHIFT,
				    (loff_t)count << PAGE_SHIFT, 1);
}

/* Logs, once for each process, why the process gets SIGBUS. */
static void explain_sigbus(struct pinned_view *view)
{
	if (view->is_explained)
		return;
	view->is_explained = true;
	pr_warn_ratelimited("SIGBUS for %s (pid %d): no memory to copy what it inherited by fork\n",
			    current->comm, task_tgid_nr(current));
}

/*
 * Marks a snapshot as broken, since there is no memory for a copy that it needs, and unmaps what it
 * has borrowed.
 */
static void break_snapshot(struct pinned_view *view, pgoff_t pgoff)
{
	struct pinned_pool *pool = view->pool;

	view->copies.is_broken = true;
	unmap_borrowed(pool, 0, PINNED_POOL_SIZE >> PAGE_SHIFT);
	pinned_count(PINNED_COPY_FAILED);
	trace_pinned_mem_copy(pool->id, pgoff, true);
}

/*
 * Copies @page for each child that lacks a page at @pgoff. Returns true if a copy was made, so that
 * a child may see another page now.
 */
static bool give_children_locked(struct pinned_view *view, pgoff_t pgoff, struct page *page,
				 u64 born)
{
	struct page *copy = NULL;
	struct pinned_view *child;

	lockdep_assert_held(&view->pool->lock);
	if (PageHWPoison(page))
		return false;
	list_for_each_entry(child, &view->children, sibling) {
		if (child->forked_at < born || !pinned_copies_lack(&child->copies, pgoff) ||
		    !pinned_need_is_slot_needed_locked(child, pgoff >> PINNED_CHUNK_ORDER))
			continue;
		if (!copy)
			copy = make_copy(child, pgoff, page);
		if (!copy || !pinned_copies_store(&child->copies, pgoff, copy))
			break_snapshot(child, pgoff);
	}
	/* Storing may have failed for all children; then the copy is freed. */
	if (copy)
		pinned_copy_discard_unstored(&view->copies, copy);
	return copy;
}

/*
 * Gives the children their copies before a page of the live view is mapped. Returns as
 * give_children_locked().
 */
static bool give_page_locked(struct pinned_view *view, pgoff_t pgoff)
{
	struct pinned_chunk *chunk = xa_load(&view->chunks, pgoff >> PINNED_CHUNK_ORDER);

	lockdep_assert_held(&view->pool->lock);
	if (!chunk || list_empty(&view->children))
		return false;
	return give_children_locked(view, pgoff, chunk->page + (pgoff & (PINNED_CHUNK_PAGES - 1)),
				    chunk->born);
}

/*
 * Gives the children their copies before a chunk of the live view is mapped whole, or leaves its
 * slot.
 */
void pinned_snapshot_give_chunk_locked(struct pinned_view *view, unsigned long slot)
{
	pgoff_t pgoff = (pgoff_t)slot << PINNED_CHUNK_ORDER;
	bool has_given = false;
	unsigned long i;

	lockdep_assert_held(&view->pool->lock);
	if (list_empty(&view->children))
		return;
	for (i = 0; i < PINNED_CHUNK_PAGES; i++) {
		has_given |= give_page_locked(view, pgoff + i);
		cond_resched();
	}
	if (has_given)
		unmap_borrowed(view->pool, pgoff, PINNED_CHUNK_PAGES);
}

/* Returns the page that a snapshot sees where it has no page of its own; NULL if it sees none. */
static struct page *inherited_page(struct pinned_view *view, pgoff_t pgoff)
{
	struct page *page = NULL;

	while (!page && view->origin && !view->copies.is_broken) {
		page = own_page(view->origin, pgoff, view->forked_at);
		view = view->origin;
	}
	return page;
}

/*
 * Replaces the page @seen that the snapshot sees by a copy of its own. Returns the copy; NULL
 * without memory.
 */
static struct page *copy_own_locked(struct pinned_view *view, pgoff_t pgoff, struct page *seen)
{
	struct page *shared = pinned_copies_find(&view->copies, pgoff);
	struct page *copy = make_copy(view, pgoff, seen);

	lockdep_assert_held(&view->pool->lock);
	if (copy && !pinned_copies_store(&view->copies, pgoff, copy)) {
		pinned_copy_discard_unstored(&view->copies, copy);
		copy = NULL;
	}
	if (!copy)
		return NULL;
	if (shared)
		pinned_copy_put(&view->copies, shared);
	return copy;
}

/**
 * pinned_snapshot_live_page_locked() - returns a page that the live view may map
 * @view: the live view
 * @pgoff: the page's offset in the pool
 *
 * Copies the page for the children that lack it first.
 *
 * Return: the page; NULL if the slot is empty.
 */
struct page *pinned_snapshot_live_page_locked(struct pinned_view *view, pgoff_t pgoff)
{
	lockdep_assert_held(&view->pool->lock);
	if (give_page_locked(view, pgoff))
		unmap_borrowed(view->pool, pgoff, 1);
	return own_page(view, pgoff, U64_MAX);
}

/**
 * pinned_snapshot_writable_page_locked() - returns a page that a snapshot may map writable
 * @view: the snapshot
 * @pgoff: the page's offset in the pool
 *
 * Return: the page; NULL if the slot was empty at the fork, without memory, or if the page has
 * failed.
 */
struct page *pinned_snapshot_writable_page_locked(struct pinned_view *view, pgoff_t pgoff)
{
	struct page *before = pinned_copies_find(&view->copies, pgoff), *page = before;
	bool has_changed = false, is_first = !page;

	lockdep_assert_held(&view->pool->lock);
	if (!before)
		before = inherited_page(view, pgoff);
	if (!before) {
		if (view->copies.is_broken)
			explain_sigbus(view);
		return NULL;
	}
	if (PageHWPoison(before))
		return NULL;
	if (!page || pinned_copy_is_shared(page)) {
		page = copy_own_locked(view, pgoff, before);
		has_changed = true;
	}
	if (!page) {
		explain_sigbus(view);
		return NULL;
	}
	has_changed |= give_children_locked(view, pgoff, page, 0);
	if (has_changed)
		unmap_borrowed(view->pool, pgoff, 1);
	if (is_first)
		pinned_need_copied_locked(view, pgoff);
	pinned_name_page(page, view->inode, pgoff);
	return page;
}

/*
 * Returns true if a snapshot may map @page read-only while other views have the page. Two kinds of
 * pages are refused: those that are not write-back, since a snapshot's mapping is write-back, and
 * those that a device may still be writing to because the parent pinned them; the child would see
 * their content change.
 */
static bool is_lendable(struct pinned_pool *pool, struct page *page)
{
	return pinned_memtype_is_cached(pool->memory_type) && !pinned_page_maybe_dma_pinned(page);
}

/**
 * pinned_snapshot_readable_page_locked() - returns a page that a snapshot may map read-only
 * @view: the snapshot
 * @pgoff: the page's offset in the pool
 *
 * Return: the page, which other views may use as well; NULL if the slot was empty at the fork, or
 * without memory.
 */
struct page *pinned_snapshot_readable_page_locked(struct pinned_view *view, pgoff_t pgoff)
{
	struct page *page = pinned_copies_find(&view->copies, pgoff);

	lockdep_assert_held(&view->pool->lock);
	if (!page) {
		page = inherited_page(view, pgoff);
		if (!page || !is_lendable(view->pool, page))
			return pinned_snapshot_writable_page_locked(view, pgoff);
	}
	view->pool->has_borrowers = true;
	return page;
}

/* Fork. */

static struct pinned_view *find_child_locked(struct pinned_view *from, struct mm_struct *mm)
{
	struct pinned_view *view;

	lockdep_assert_held(&from->pool->lock);
	list_for_each_entry(view, &from->children, sibling)
		if (view->mm == mm)
			return view;
	return NULL;
}

/*
 * Waits for page faults in the pool's pages from @first to @last. A fault that found no child may
 * still be mapping a page, through another mapping of that page that the fork has not reached.
 */
static void wait_for_faults_locked(struct pinned_view *view, pgoff_t first, pgoff_t last)
{
	struct pinned_chunk *chunk;
	unsigned long slot;

	lockdep_assert_held(&view->pool->lock);
	if (!pinned_view_is_live(view)) {
		pinned_copies_wait_for_faults(&view->copies, first, last);
		return;
	}
	xa_for_each_range(&view->chunks, slot, chunk, first >> PINNED_CHUNK_ORDER,
			  last >> PINNED_CHUNK_ORDER) {
		pinned_chunk_wait_for_faults(chunk);
	}
}

static bool is_kept_from_child(struct vm_area_struct *vma, void *view)
{
	return vma->vm_private_data == view && vma->vm_flags & VM_DONTCOPY;
}

static struct pinned_view *find_or_add_child_locked(struct pinned_view *from, struct mm_struct *mm)
{
	struct pinned_pool *pool = from->pool;
	struct pinned_view *child = find_child_locked(from, mm);

	lockdep_assert_held(&pool->lock);
	if (child)
		return child;
	child = pinned_view_add_child_locked(from, mm);
	/*
	 * The core does not call map_open() for a mapping that the child does not inherit, although
	 * that mapping may show the same pages.
	 */
	if (pinned_any_vma(current->mm, is_kept_from_child, from)) {
		wait_for_faults_locked(from, 0, (PINNED_POOL_SIZE >> PAGE_SHIFT) - 1);
		unmap_mapping_range(pool->inode->i_mapping, 0, 0, 1);
	}
	return child;
}

/*
 * Removes the page-table entries of the parent's mapping, and of the child's copy of that mapping.
 * Other children keep theirs, unless the parent's mapping may contain huge entries.
 */
static void unmap_locked(struct pinned_view *from, struct vm_area_struct *parent_vma,
			 struct vm_area_struct *child_vma)
{
	lockdep_assert_held(&from->pool->lock);
	if (parent_vma && parent_vma->vm_flags & VM_MIXEDMAP) {
		pinned_zap_vma(parent_vma);
		pinned_zap_vma(child_vma);
		return;
	}
	unmap_mapping_range(from->pool->inode->i_mapping, (loff_t)child_vma->vm_pgoff << PAGE_SHIFT,
			    (loff_t)vma_pages(child_vma) << PAGE_SHIFT, 1);
}

/* Restricts both mappings to small pages. Neither of them contains a huge entry any more. */
static void split_mappings_locked(struct pinned_view *from, struct vm_area_struct *parent_vma,
				  struct vm_area_struct *child_vma)
{
	lockdep_assert_held(&from->pool->lock);
	vm_flags_mod(child_vma, VM_MIXEDMAP, 0);
	/*
	 * Without VM_SHARED the protection is read-only, until page_mkwrite allows writing. Copies
	 * are write-back, whatever the memory type of the original.
	 */
	child_vma->vm_page_prot = vm_get_page_prot(child_vma->vm_flags & ~VM_SHARED);
	if (parent_vma && !(parent_vma->vm_flags & VM_MIXEDMAP)) {
		vm_flags_mod(parent_vma, VM_MIXEDMAP, 0);
		from->split_vmas++;
	}
}

/**
 * pinned_snapshot_fork() - finds or creates the view for a forked child's mapping
 * @from: the parent's view
 * @child_vma: the child's new mapping of that view
 *
 * Called by fork, which holds the mmap_lock of both address spaces for writing. Some kernels copy
 * the parent's small entries to the child before this call, some after; unmapping both sides
 * removes such copies, or leaves no entries to copy.
 *
 * Return: the child's snapshot, with this mapping counted; NULL without memory.
 */
struct pinned_view *pinned_snapshot_fork(struct pinned_view *from, struct vm_area_struct *child_vma)
{
	struct vm_area_struct *parent_vma = find_vma(current->mm, child_vma->vm_start);
	struct pinned_pool *pool = from->pool;
	struct pinned_view *child;

	if (WARN_ON_ONCE(!parent_vma || parent_vma->vm_private_data != from))
		parent_vma = NULL;
	mutex_lock(&pool->lock);
	child = find_or_add_child_locked(from, child_vma->vm_mm);
	wait_for_faults_locked(from, child_vma->vm_pgoff,
			       child_vma->vm_pgoff + vma_pages(child_vma) - 1);
	unmap_locked(from, parent_vma, child_vma);
	split_mappings_locked(from, parent_vma, child_vma);
	if (child) {
		child->vmas++;
		child->split_vmas++;
	}
	mutex_unlock(&pool->lock);
	return child;
}

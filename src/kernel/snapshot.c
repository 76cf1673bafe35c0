// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fork: reverse copy-on-write.
 *
 * The parent keeps its physical pages, to which a device may be writing, and the
 * child gets copies. The fork makes none: it removes the parent's entries from the
 * page tables, so that each later access by either side faults, and the fault makes
 * the copies that are needed first. What nobody writes to is never copied.
 *
 * What a view sees at an offset is its own page there, or else what its origin
 * sees. The live view's own pages are those of its chunks; a snapshot's are copies
 * in its table. Two rules keep this true:
 *
 *	A view maps a page writable only while the page is its own and in no other
 *	table, and each child of the view has a page of its own at that offset.
 *
 *	Whoever changes the page that a view sees at an offset unmaps the offset from
 *	all views, before anybody can write to the old page.
 *
 * The live view maps everything writable: it has no page_mkwrite, since from 6.5 on
 * a mapping that has one is refused for long-term pins. So any access of the owner
 * copies what the children lack. A snapshot reads whatever it sees, read-only and
 * together with others (it borrows the page), and is notified of the first write.
 * Memory that is not write-back is not borrowed: a snapshot's mappings are
 * write-back, and two mappings of one page must agree.
 *
 * The fork establishes the first rule by unmapping, the fault before it maps, and
 * PUNCH before it takes a chunk away. Chunks and forks carry the pool's generation,
 * because a chunk that came into its slot after a fork is not part of the snapshot.
 * A copy that several children lack is made once, and shared (see copy.c).
 *
 * Mappings that must see single pages are flagged VM_MIXEDMAP at the fork, as
 * vm_insert_page() wants it. A huge entry must never come into such a mapping:
 * the core would take it for a special one and lose its page's reference. They
 * become huge again when the owner maps the pool anew over them.
 *
 * Memory of copies is charged to the memory cgroup of the child, and to the
 * limits. Without memory for a copy that the parent's access needs, the child's
 * snapshot is broken: the child gets SIGBUS where it lacks a page; the parent goes
 * on. The log has a line for each process that this happens to.
 *
 * Locks: all under pool->lock (see view.c), the fork under the parent's
 * mmap_lock as well, held for writing.
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

/* Copies a page for a view, whose process is charged. Return: NULL at a limit or without memory. */
static struct page *make_copy(struct pinned_view *for_view, pgoff_t pgoff, struct page *from)
{
	struct pinned_pool *pool = for_view->pool;
	struct page *page =
		pinned_copy_make(&for_view->copies, from, pool->memory_type, for_view->mm);

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

/* Says once for each process why it is killed. */
static void explain_sigbus(struct pinned_view *view)
{
	if (view->is_explained)
		return;
	view->is_explained = true;
	pr_warn_ratelimited("SIGBUS for %s (pid %d): no memory to copy what it inherited by fork\n",
			    current->comm, task_tgid_nr(current));
}

/* The child shall have a copy, and there is no memory for it: take away what it has borrowed. */
static void break_snapshot(struct pinned_view *view, pgoff_t pgoff)
{
	struct pinned_pool *pool = view->pool;

	view->copies.is_broken = true;
	unmap_borrowed(pool, 0, PINNED_POOL_SIZE >> PAGE_SHIFT);
	pinned_count(PINNED_COPY_FAILED);
	trace_pinned_mem_copy(pool->id, pgoff, true);
}

/* Copies @page for each child that lacks it. Return: a child sees another page now. */
static bool give_children_locked(struct pinned_view *view, pgoff_t pgoff, struct page *page,
				 u64 born)
{
	struct page *copy = NULL;
	struct pinned_view *child;

	lockdep_assert_held(&view->pool->lock);
	list_for_each_entry(child, &view->children, sibling) {
		if (child->forked_at < born || !pinned_copies_lack(&child->copies, pgoff))
			continue;
		if (!copy)
			copy = make_copy(child, pgoff, page);
		if (!copy || !pinned_copies_store(&child->copies, pgoff, copy))
			break_snapshot(child, pgoff);
	}
	/* No child may have been able to store it. */
	if (copy)
		pinned_copy_discard_unstored(&view->copies, copy);
	return copy;
}

/* Before the live view's page is mapped. Return: as give_children_locked(). */
static bool give_page_locked(struct pinned_view *view, pgoff_t pgoff)
{
	struct pinned_chunk *chunk = xa_load(&view->chunks, pgoff >> PINNED_CHUNK_ORDER);

	lockdep_assert_held(&view->pool->lock);
	if (!chunk || list_empty(&view->children))
		return false;
	return give_children_locked(view, pgoff, chunk->page + (pgoff & (PINNED_CHUNK_PAGES - 1)),
				    chunk->born);
}

/* Before a live view's chunk is mapped whole, or leaves its slot. */
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

/* What the snapshot sees where it has no page of its own; NULL: nothing. */
static struct page *inherited_page(struct pinned_view *view, pgoff_t pgoff)
{
	struct page *page = NULL;

	while (!page && view->origin && !view->copies.is_broken) {
		page = own_page(view->origin, pgoff, view->forked_at);
		view = view->origin;
	}
	return page;
}

/* Replaces what the snapshot sees by a copy of its own. Return: NULL without memory. */
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
 * pinned_snapshot_live_page_locked() - a page that the live view may map
 * @view: the live view
 * @pgoff: the page's offset in the pool
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
 * pinned_snapshot_writable_page_locked() - a page that a snapshot may map writable
 * @view: the snapshot
 * @pgoff: the page's offset in the pool
 *
 * Return: the page; NULL if the slot was empty at the fork, or without memory.
 */
struct page *pinned_snapshot_writable_page_locked(struct pinned_view *view, pgoff_t pgoff)
{
	struct page *before = pinned_copies_find(&view->copies, pgoff), *page = before;
	bool has_changed = false;

	lockdep_assert_held(&view->pool->lock);
	if (!before)
		before = inherited_page(view, pgoff);
	if (!before) {
		if (view->copies.is_broken)
			explain_sigbus(view);
		return NULL;
	}
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
	pinned_name_page(page, view->inode, pgoff);
	return page;
}

/*
 * A snapshot may map @page read-only while others have it. Not what is not write-back, since a
 * snapshot's mapping is, and not what a device may be writing to by an old pin of the parent's:
 * the child would see it change time and again.
 */
static bool is_lendable(struct pinned_pool *pool, struct page *page)
{
	return pinned_memtype_is_cached(pool->memory_type) && !pinned_page_maybe_dma_pinned(page);
}

/**
 * pinned_snapshot_readable_page_locked() - a page that a snapshot may map read-only
 * @view: the snapshot
 * @pgoff: the page's offset in the pool
 *
 * Return: the page, which may belong to others as well; NULL if the slot was empty at the fork,
 * or without memory.
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
 * A fault that found no child may still be mapping a page, through another
 * mapping of it that the fork has not come to.
 */
static void wait_for_faults_locked(struct pinned_view *view, struct vm_area_struct *vma)
{
	pgoff_t first = vma->vm_pgoff, last = vma->vm_pgoff + vma_pages(vma) - 1;
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
	/* Nobody calls for a mapping that the child does not get, but it shows the same pages. */
	if (pinned_any_vma(current->mm, is_kept_from_child, from))
		unmap_mapping_range(pool->inode->i_mapping, 0, 0, 1);
	return child;
}

/*
 * Removes the pages of the parent's mapping, and of the child's copy of it, from the page tables.
 * Those of other children stay, unless the parent's mapping may have huge entries.
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

/* From here on small pages only. No huge entry is left in either mapping. */
static void split_mappings_locked(struct pinned_view *from, struct vm_area_struct *parent_vma,
				  struct vm_area_struct *child_vma)
{
	lockdep_assert_held(&from->pool->lock);
	vm_flags_mod(child_vma, VM_MIXEDMAP, 0);
	/*
	 * Without VM_SHARED: read-only, until page_mkwrite says otherwise. Copies are write-back,
	 * whatever the type of what they are copies of.
	 */
	child_vma->vm_page_prot = vm_get_page_prot(child_vma->vm_flags & ~VM_SHARED);
	if (parent_vma && !(parent_vma->vm_flags & VM_MIXEDMAP)) {
		vm_flags_mod(parent_vma, VM_MIXEDMAP, 0);
		from->split_vmas++;
	}
}

/**
 * pinned_snapshot_fork() - the view that a forked child's mapping shall have
 * @from: the parent's view
 * @child_vma: the child's new mapping of it
 *
 * Called inside fork with both address spaces' mmap_lock held for writing. Some
 * kernels copy the parent's small entries to the child before this, some after;
 * unmapping both removes them, or leaves none to be copied.
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
	wait_for_faults_locked(from, child_vma);
	unmap_locked(from, parent_vma, child_vma);
	split_mappings_locked(from, parent_vma, child_vma);
	if (child) {
		child->vmas++;
		child->split_vmas++;
	}
	mutex_unlock(&pool->lock);
	return child;
}

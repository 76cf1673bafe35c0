// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fork: reverse copy-on-write.
 *
 * The parent keeps its physical pages, to which a device may be writing, and the
 * child gets copies. None is made at the fork: it takes the parent's entries out
 * of the page tables, so that every later touch, by either side, faults; and the
 * fault makes the copies that must be made first. Whatever is not touched is
 * never copied.
 *
 * What a view sees at an offset is its own page there, or else what its origin
 * sees. The live view's own pages are its chunks'; a snapshot's are copies in
 * its table. One rule keeps this true:
 *
 *	A page is mapped by a view only while each child of that view has an own
 *	page at that offset.
 *
 * Fork establishes it by unmapping, the fault before it maps, and PUNCH before
 * it takes a chunk away. A chunk that came into its slot after a fork is none of
 * that child's business: chunks and forks carry the pool's generation.
 *
 * A copy that several children lack is made once, and shared (see copy.c). A shared
 * page is not mapped by anybody; who touches it gets a copy of its own, unless it is
 * the last holder.
 *
 * Mappings that must see single pages are flagged VM_MIXEDMAP at the fork, as
 * vm_insert_page() wants it. A huge entry must never come into such a mapping:
 * the core would take it for a special one and lose its page's reference. They
 * become huge again when the owner maps the pool anew over them.
 *
 * Memory of copies is charged to the memory cgroup of the child, and to the
 * global limit. Without memory for a copy the child's snapshot is broken: the
 * child gets SIGBUS where it lacks a page; the parent goes on.
 *
 * Locks: all under pool->lock (see view.c), the fork under the parent's
 * mmap_lock as well, held for writing.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/pagemap.h>

#include "chunk.h"
#include "compat.h"
#include "copy.h"
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

/* A copy of @from that no view has yet, charged to the process that it is for; NULL without memory. */
static struct page *make_copy(struct pinned_view *for_view, pgoff_t pgoff, struct page *from)
{
	struct pinned_pool *pool = for_view->pool;
	struct page *page = pinned_copy_make(from, pool->memory_type, for_view->mm);

	if (!page)
		return NULL;
	pinned_count(PINNED_COPY);
	trace_pinned_mem_copy(pool->id, pgoff, false);
	return page;
}

static void break_snapshot(struct pinned_view *view, pgoff_t pgoff)
{
	view->copies.is_broken = true;
	pinned_count(PINNED_COPY_FAILED);
	trace_pinned_mem_copy(view->pool->id, pgoff, true);
	pr_debug_ratelimited("no memory for a forked child's snapshot\n");
}

/* Copy @page for each child that lacks it. */
static void give_children_locked(struct pinned_view *view, pgoff_t pgoff, struct page *page,
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
		pinned_copy_discard_unstored(copy);
}

/* Before the live view's page is mapped. */
static void give_page_locked(struct pinned_view *view, pgoff_t pgoff)
{
	struct pinned_chunk *chunk = xa_load(&view->chunks, pgoff >> PINNED_CHUNK_ORDER);

	lockdep_assert_held(&view->pool->lock);
	if (chunk && !list_empty(&view->children))
		give_children_locked(view, pgoff, chunk->page + (pgoff & (PINNED_CHUNK_PAGES - 1)),
				     chunk->born);
}

/* Before a live view's chunk is mapped whole, or leaves its slot. */
void pinned_snapshot_give_chunk_locked(struct pinned_view *view, unsigned long slot)
{
	pgoff_t pgoff = (pgoff_t)slot << PINNED_CHUNK_ORDER;
	unsigned long i;

	lockdep_assert_held(&view->pool->lock);
	if (list_empty(&view->children))
		return;
	for (i = 0; i < PINNED_CHUNK_PAGES; i++) {
		give_page_locked(view, pgoff + i);
		cond_resched();
	}
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

/* A page that is in no other table, so that it can be mapped. */
static struct page *unshare_locked(struct pinned_view *view, pgoff_t pgoff, struct page *page)
{
	struct page *copy;

	lockdep_assert_held(&view->pool->lock);
	if (!pinned_copy_is_shared(page))
		return page;
	copy = make_copy(view, pgoff, page);
	if (!copy)
		return NULL;
	/* The entry is there: replacing it needs no memory. */
	pinned_copies_store(&view->copies, pgoff, copy);
	pinned_copy_put(page);
	return copy;
}

/* A snapshot's page of its own: there already, or copied now. */
static struct page *settle_page_locked(struct pinned_view *view, pgoff_t pgoff)
{
	struct page *page = pinned_copies_find(&view->copies, pgoff), *inherited;

	lockdep_assert_held(&view->pool->lock);
	if (page)
		return unshare_locked(view, pgoff, page);
	inherited = inherited_page(view, pgoff);
	if (!inherited)
		return NULL;
	page = make_copy(view, pgoff, inherited);
	if (page && !pinned_copies_store(&view->copies, pgoff, page)) {
		pinned_copy_discard_unstored(page);
		page = NULL;
	}
	return page;
}

/**
 * pinned_snapshot_mappable_page_locked() - a page that its view may map
 * @view: the live one or a snapshot
 * @pgoff: the page's offset in the pool
 *
 * Return: the page; NULL if a slot is empty, was empty at the fork, or a
 * snapshot has no memory for its copy.
 */
struct page *pinned_snapshot_mappable_page_locked(struct pinned_view *view, pgoff_t pgoff)
{
	struct page *page;

	lockdep_assert_held(&view->pool->lock);
	if (pinned_view_is_live(view)) {
		give_page_locked(view, pgoff);
		return own_page(view, pgoff, U64_MAX);
	}
	page = settle_page_locked(view, pgoff);
	if (!page)
		return NULL;
	give_children_locked(view, pgoff, page, 0);
	pinned_name_page(page, view->inode, pgoff);
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
 * A fault that found no child may still be mapping a chunk, through another
 * mapping of it that the fork has not come to.
 */
static void wait_for_faults_locked(struct pinned_view *view, struct vm_area_struct *vma)
{
	unsigned long first = vma->vm_pgoff >> PINNED_CHUNK_ORDER;
	unsigned long last = (vma->vm_pgoff + vma_pages(vma) - 1) >> PINNED_CHUNK_ORDER;
	struct pinned_chunk *chunk;
	unsigned long slot;

	lockdep_assert_held(&view->pool->lock);
	xa_for_each_range(&view->chunks, slot, chunk, first, last) {
		pinned_chunk_wait_for_faults(chunk);
	}
}

/* From here on small pages only. No huge entry is left in either mapping. */
static void split_mappings_locked(struct pinned_view *from, struct vm_area_struct *child_vma)
{
	struct vm_area_struct *parent_vma = find_vma(current->mm, child_vma->vm_start);

	lockdep_assert_held(&from->pool->lock);
	vm_flags_mod(child_vma, VM_MIXEDMAP, 0);
	/* Copies are write-back, whatever the type of what they are copies of. */
	child_vma->vm_page_prot = vm_get_page_prot(child_vma->vm_flags);
	if (WARN_ON_ONCE(!parent_vma || parent_vma->vm_private_data != from))
		return;
	if (!(parent_vma->vm_flags & VM_MIXEDMAP)) {
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
	struct pinned_pool *pool = from->pool;
	struct pinned_view *child;

	mutex_lock(&pool->lock);
	child = find_child_locked(from, child_vma->vm_mm);
	if (!child)
		child = pinned_view_add_child_locked(from, child_vma->vm_mm);
	wait_for_faults_locked(from, child_vma);
	unmap_mapping_range(pool->inode->i_mapping, (loff_t)child_vma->vm_pgoff << PAGE_SHIFT,
			    (loff_t)vma_pages(child_vma) << PAGE_SHIFT, 1);
	split_mappings_locked(from, child_vma);
	if (child) {
		child->vmas++;
		child->split_vmas++;
	}
	mutex_unlock(&pool->lock);
	return child;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Views: which memory a mapping shows, and how long that memory lives.
 *
 * A pool has one live view, which belongs to the pool's owner, and one snapshot for each address
 * space that inherited mappings by fork. POPULATE and PUNCH change the live view's table of chunks.
 * The views form a tree: the parent of a snapshot is the view that it was forked from. This file
 * manages the lifetime of views; snapshot.c decides which copies a snapshot holds.
 *
 * Locks: pool->lock protects the tree, the fields of all views, and every change of a table. It
 * nests inside mmap_lock, and outside page locks, i_mmap_rwsem and page-table locks. Readers of the
 * live view's table may hold its xa_lock instead (pinned_view_get_page()).
 *
 * Lifetime: the live view is part of its pool. A fork creates a snapshot. A snapshot whose last
 * mapping was removed is dead, but its children may still need its pages. So a dead snapshot is
 * kept until it has no child left, or only one; the only child takes over the pages and the place
 * in the tree. Hence there are never more dead snapshots than living ones. Parts of a view that
 * nobody needs go back earlier (need.c). An mm cannot be freed while it has mappings, so a view's
 * @mm needs no reference; @mm is cleared when the last mapping is removed. The driver notices an
 * owner's death when the last mapping is removed from the dying address space. An owner may also
 * die without a mapping; the driver then notices when the owner's descriptor is closed, which is
 * after the end of the address space, or within a second, by a check that repeats while a living
 * owner has chunks but no mapping. The driver then releases each of the owner's chunks as soon as
 * no snapshot needs the chunk.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "chunk.h"
#include "copy.h"
#include "name.h"
#include "need.h"
#include "page.h"
#include "pool.h"
#include "stat.h"
#include "view.h"
#include "watch.h"

void pinned_view_init(struct pinned_view *view, struct pinned_pool *pool, struct mm_struct *mm)
{
	view->pool = pool;
	view->mm = mm;
	xa_init(&view->chunks);
	pinned_copies_init(&view->copies, pool->account);
	xa_init_flags(&view->given_up, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&view->children);
	INIT_LIST_HEAD(&view->sibling);
}

bool pinned_view_is_live(struct pinned_view *view)
{
	return view == &view->pool->live;
}

/*
 * Returns the number of mappings that would get huge entries again if they were mapped anew: none
 * if the kernel cannot map a chunk by one entry at all.
 */
unsigned long pinned_view_split_vmas_locked(struct pinned_view *view)
{
	lockdep_assert_held(&view->pool->lock);
	return pinned_page_maps_huge() ? view->split_vmas : 0;
}

/* Creates a snapshot of @from without mappings. Returns NULL without memory. */
struct pinned_view *pinned_view_add_child_locked(struct pinned_view *from, struct mm_struct *mm)
{
	struct pinned_view *view = kzalloc(sizeof(*view), PINNED_GFP);

	lockdep_assert_held(&from->pool->lock);
	if (!view)
		return NULL;
	view->inode = alloc_anon_inode(from->pool->inode->i_sb);
	if (IS_ERR(view->inode)) {
		kfree(view);
		return NULL;
	}
	pinned_view_init(view, from->pool, mm);
	view->origin = from;
	view->forked_at = from->pool->generation++;
	view->copies.is_broken = from->copies.is_broken;
	pinned_need_inherit_locked(view, from);
	list_add(&view->sibling, &from->children);
	from->pool->snapshots++;
	pinned_count(PINNED_FORK);
	return view;
}

/*
 * Empties a live view that nobody can map, access or change any more: the owner's address space is
 * dying, or the pool is being destroyed.
 */
void pinned_view_empty_locked(struct pinned_view *view)
{
	struct pinned_pool *pool = view->pool;
	struct pinned_chunk *chunk;
	unsigned long slot;

	lockdep_assert_held(&pool->lock);
	xa_for_each(&view->chunks, slot, chunk) {
		xa_erase(&view->chunks, slot);
		pinned_unname_chunk(chunk->page);
		atomic_long_dec(&pool->chunks);
		pinned_chunk_abandon(chunk);
		cond_resched();
	}
	xa_destroy(&view->chunks);
}

static struct page *page_at_locked(struct pinned_view *view, pgoff_t pgoff)
{
	struct pinned_chunk *chunk = xa_load(&view->chunks, pgoff >> PINNED_CHUNK_ORDER);

	lockdep_assert_held(&view->chunks.xa_lock);
	return chunk ? chunk->page + (pgoff & (PINNED_CHUNK_PAGES - 1)) : NULL;
}

/*
 * Returns a page of the live view with a reference for the caller, or NULL if the slot is empty.
 *
 * Erasing a chunk takes the same xa_lock, and the table's reference to the chunk is put only after
 * the erasure. So the page cannot be freed between the lookup and get_page().
 */
struct page *pinned_view_get_page(struct pinned_view *view, pgoff_t pgoff)
{
	struct page *page;

	xa_lock(&view->chunks);
	page = page_at_locked(view, pgoff);
	if (page)
		get_page(page);
	xa_unlock(&view->chunks);
	return page;
}

bool pinned_view_has_page(struct pinned_view *view, pgoff_t pgoff, struct page *page)
{
	bool has;

	xa_lock(&view->chunks);
	has = page_at_locked(view, pgoff) == page;
	xa_unlock(&view->chunks);
	return has;
}

void pinned_view_add_vma(struct pinned_view *view, struct vm_area_struct *vma)
{
	mutex_lock(&view->pool->lock);
	view->vmas++;
	if (vma->vm_flags & VM_MIXEDMAP)
		view->split_vmas++;
	mutex_unlock(&view->pool->lock);
}

/*
 * Returns true if the address space is being torn down: nobody can run, fault, or call in it any
 * more.
 */
static bool is_dying(struct mm_struct *mm)
{
	return !atomic_read(&mm->mm_users);
}

static bool has_one_child(struct pinned_view *view)
{
	return list_is_singular(&view->children);
}

static void remove_snapshot_locked(struct pinned_view *view)
{
	lockdep_assert_held(&view->pool->lock);
	list_del(&view->sibling);
	if (!--view->pool->snapshots)
		view->pool->has_borrowers = false;
	pinned_copies_drop(&view->copies);
	xa_destroy(&view->given_up);
	iput(view->inode);
	kfree(view);
}

/*
 * Merges a dead snapshot into its only child: the child takes over its place in the tree, and the
 * copies that the child lacks. Without memory the dead snapshot stays as it is; the next removal of
 * a view tries again.
 */
static void merge_into_child_locked(struct pinned_view *view)
{
	struct pinned_view *child = list_first_entry(&view->children, struct pinned_view, sibling);

	lockdep_assert_held(&view->pool->lock);
	if (!pinned_copies_move(&view->copies, &child->copies))
		return;
	child->origin = view->origin;
	child->forked_at = view->forked_at;
	list_move(&child->sibling, &view->sibling);
	remove_snapshot_locked(view);
}

/*
 * Frees the dead views, and the memory of all views, that nobody needs any more, from a view that
 * died up to the root.
 */
static void prune_locked(struct pinned_view *view)
{
	struct pinned_view *origin;

	lockdep_assert_held(&view->pool->lock);
	for (; !pinned_view_is_live(view); view = origin) {
		origin = view->origin;
		if (!view->mm && list_empty(&view->children)) {
			remove_snapshot_locked(view);
			continue;
		}
		pinned_need_sweep_locked(view);
		if (!view->mm && has_one_child(view))
			merge_into_child_locked(view);
	}
	if (!view->mm && list_empty(&view->children))
		pinned_view_empty_locked(view);
	else
		pinned_need_sweep_locked(view);
}

/* Lets go of what a dead owner had: nobody can map, access or change the live view any more. */
static void end_owner_locked(struct pinned_view *live)
{
	lockdep_assert_held(&live->pool->lock);
	live->mm = NULL;
	pinned_watch_fire(&live->pool->watches, 0, ULONG_MAX);
	prune_locked(live);
}

/*
 * Ends an owner that has died without a mapping. If such an owner lives and has chunks, plans the
 * next check.
 */
static void check_owner_locked(struct pinned_view *live)
{
	struct pinned_pool *pool = live->pool;

	lockdep_assert_held(&pool->lock);
	if (!live->mm || live->vmas)
		return;
	if (is_dying(live->mm))
		end_owner_locked(live);
	else if (atomic_long_read(&pool->chunks))
		queue_delayed_work(system_long_wq, &pool->owner_check, round_jiffies_relative(HZ));
}

/* Checks whether the pool's owner has died without a mapping. */
void pinned_view_check_owner(struct pinned_pool *pool)
{
	if (READ_ONCE(pool->live.vmas))
		return;
	mutex_lock(&pool->lock);
	check_owner_locked(&pool->live);
	mutex_unlock(&pool->lock);
}

/* Removes a mapping from a view's counts. The caller must not touch @view afterwards. */
void pinned_view_remove_vma(struct pinned_view *view, struct vm_area_struct *vma)
{
	struct pinned_pool *pool = view->pool;

	mutex_lock(&pool->lock);
	if (vma->vm_flags & VM_MIXEDMAP)
		view->split_vmas--;
	view->vmas--;
	if (pinned_view_is_live(view)) {
		check_owner_locked(view);
	} else if (!view->vmas) {
		view->mm = NULL;
		prune_locked(view);
	} else if (!is_dying(view->mm)) {
		pinned_need_end_locked(view, vma);
	}
	mutex_unlock(&pool->lock);
}

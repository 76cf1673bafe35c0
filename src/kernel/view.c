// SPDX-License-Identifier: GPL-2.0-only
/*
 * Views: whose chunks stand behind which mapping, and what fork makes of it.
 *
 * A pool has one live view, its owner's, which POPULATE and PUNCH change, and a
 * snapshot for each other address space that inherited mappings by fork. A
 * snapshot is a copy made while fork holds the parent's mmap_lock for writing:
 * the parent keeps its physical pages, to which a device may be writing.
 *
 * Locks: pool->lock covers every view's table against change, its count of
 * mappings, and the pool's list of snapshots. It nests inside mmap_lock, and
 * outside of page locks and i_mmap_rwsem. Tables are read without it (see
 * pinned_view_get_chunk()).
 *
 * Lifetime: the live view is part of its pool. A snapshot is born in fork and
 * dies with its last mapping; its mm cannot go while it has mappings, so the
 * pointer needs no reference. The owner's chunks are given up when its last
 * mapping goes because the address space dies, and at the latest with the pool:
 * a child that outlives its parent holds the file, not the parent's chunks.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "chunk.h"
#include "pool.h"
#include "view.h"

void pinned_view_init(struct pinned_view *view, struct pinned_pool *pool, struct mm_struct *mm)
{
	view->pool = pool;
	view->mm = mm;
	view->vmas = 0;
	xa_init(&view->chunks);
	INIT_LIST_HEAD(&view->node);
}

static bool is_live(struct pinned_view *view)
{
	return view == &view->pool->live;
}

/* Put every chunk. No mapping of the view may be able to fault any more. */
void pinned_view_empty_locked(struct pinned_view *view)
{
	struct page *chunk;
	unsigned long slot;

	lockdep_assert_held(&view->pool->lock);
	xa_for_each(&view->chunks, slot, chunk) {
		xa_erase(&view->chunks, slot);
		pinned_chunk_destroy(chunk);
		cond_resched();
	}
	xa_destroy(&view->chunks);
	if (is_live(view))
		WRITE_ONCE(view->pool->chunks, 0);
}

/*
 * A slot's chunk with a reference for the caller, or NULL. Erasing takes the
 * same xa_lock, and the table's reference is put only after that, so the chunk
 * cannot be freed between the look and the get.
 */
struct page *pinned_view_get_chunk(struct pinned_view *view, unsigned long slot)
{
	struct page *chunk;

	xa_lock(&view->chunks);
	chunk = xa_load(&view->chunks, slot);
	if (chunk)
		get_page(chunk);
	xa_unlock(&view->chunks);
	return chunk;
}

bool pinned_view_has_chunk(struct pinned_view *view, unsigned long slot, struct page *chunk)
{
	return xa_load(&view->chunks, slot) == chunk;
}

void pinned_view_add_vma(struct pinned_view *view)
{
	mutex_lock(&view->pool->lock);
	view->vmas++;
	mutex_unlock(&view->pool->lock);
}

/* The address space is being torn down: nobody can run, fault or call in it any more. */
static bool is_dying(struct mm_struct *mm)
{
	return !atomic_read(&mm->mm_users);
}

/* One mapping less. A snapshot goes with its last; do not touch @view afterwards. */
void pinned_view_remove_vma(struct pinned_view *view)
{
	struct pinned_pool *pool = view->pool;
	bool is_gone = false;

	mutex_lock(&pool->lock);
	if (!--view->vmas) {
		is_gone = !is_live(view);
		if (is_gone)
			list_del(&view->node);
		if (is_gone || is_dying(view->mm))
			pinned_view_empty_locked(view);
	}
	mutex_unlock(&pool->lock);
	if (is_gone)
		kfree(view);
}

static struct pinned_view *find_snapshot_locked(struct pinned_pool *pool, struct mm_struct *mm)
{
	struct pinned_view *view;

	lockdep_assert_held(&pool->lock);
	list_for_each_entry(view, &pool->snapshots, node)
		if (view->mm == mm)
			return view;
	return NULL;
}

static struct pinned_view *add_snapshot_locked(struct pinned_pool *pool, struct mm_struct *mm)
{
	struct pinned_view *view = kzalloc(sizeof(*view), GFP_KERNEL_ACCOUNT);

	lockdep_assert_held(&pool->lock);
	if (!view)
		return NULL;
	pinned_view_init(view, pool, mm);
	list_add(&view->node, &pool->snapshots);
	return view;
}

/*
 * Copy the slots that @vma covers. What cannot be copied stays empty: the child
 * gets SIGBUS when it touches that, and only the child.
 */
static void copy_slots_locked(struct pinned_view *to, struct pinned_view *from,
			      struct vm_area_struct *vma)
{
	unsigned long first = vma->vm_pgoff >> PINNED_CHUNK_ORDER;
	unsigned long last = (vma->vm_pgoff + vma_pages(vma) - 1) >> PINNED_CHUNK_ORDER;
	struct page *chunk, *copy;
	unsigned long slot;

	lockdep_assert_held(&from->pool->lock);
	xa_for_each_range(&from->chunks, slot, chunk, first, last) {
		/* Two mappings may share a slot at their border. */
		if (xa_load(&to->chunks, slot))
			continue;
		/* fork() will fail, or the child die, without looking at it. */
		if (fatal_signal_pending(current))
			return;
		copy = pinned_chunk_copy(chunk);
		if (IS_ERR(copy)) {
			pr_debug_ratelimited("no memory for a forked child's copy of slot %lu\n",
					     slot);
			continue;
		}
		if (xa_err(xa_store(&to->chunks, slot, copy, GFP_KERNEL_ACCOUNT)))
			pinned_chunk_destroy(copy);
	}
}

/**
 * pinned_view_fork() - the view that a forked child's mapping shall have
 * @from: the parent's view
 * @child_vma: the child's new mapping of it
 *
 * Called inside fork with the parent's mmap_lock held for writing.
 *
 * Return: the child's snapshot, with this mapping counted; NULL without memory.
 */
struct pinned_view *pinned_view_fork(struct pinned_view *from, struct vm_area_struct *child_vma)
{
	struct pinned_pool *pool = from->pool;
	struct pinned_view *snapshot;

	mutex_lock(&pool->lock);
	snapshot = find_snapshot_locked(pool, child_vma->vm_mm);
	if (!snapshot)
		snapshot = add_snapshot_locked(pool, child_vma->vm_mm);
	if (snapshot) {
		snapshot->vmas++;
		copy_slots_locked(snapshot, from, child_vma);
	}
	mutex_unlock(&pool->lock);
	return snapshot;
}

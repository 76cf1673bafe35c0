// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds out which memory of a pool is still needed, and gives the rest back.
 *
 * A forked child that unmaps a part of what it inherited never sees that part again: the child
 * cannot map the pool, and mremap() cannot grow its mappings. So the child's snapshot gives up each
 * slot that no mapping of the child shows any more. From then on the driver makes no copies of that
 * slot for this snapshot, and frees the copies that the snapshot holds, unless forked children of
 * that child need them. A chunk of a dead owner is released when each snapshot that needs the slot
 * holds copies of all pages of the chunk. So a daemon that reloads its data does not keep the data
 * that it inherited.
 *
 * In this file, the views below a view are those that were forked from it, directly or not, and the
 * views above a view are those from which it was forked.
 *
 * The unit is a slot: a slot that is unmapped in part is still needed.
 *
 * Locks: pool->lock, see view.c. Mappings of a pool are looked up under i_mmap_rwsem, which nests
 * inside pool->lock.
 */
#include <linux/fs.h>
#include <linux/interval_tree_generic.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "chunk.h"
#include "copy.h"
#include "name.h"
#include "need.h"
#include "pool.h"
#include "view.h"

static unsigned long first_page(struct vm_area_struct *vma)
{
	return vma->vm_pgoff;
}

static unsigned long last_page(struct vm_area_struct *vma)
{
	return vma->vm_pgoff + vma_pages(vma) - 1;
}

/* Searches the core's tree of a file's mappings, as the core does; its search is not exported. */
INTERVAL_TREE_DEFINE(struct vm_area_struct, shared.rb, unsigned long, shared.rb_subtree_last,
		     first_page, last_page, static inline, mapping)

static bool is_live(struct pinned_view *view)
{
	return !view->origin;
}

/* Returns true if a mapping of @view, other than @gone, shows at least a part of the slot. */
static bool is_mapped_locked(struct pinned_view *view, unsigned long slot,
			     struct vm_area_struct *gone)
{
	struct address_space *mapping = view->pool->inode->i_mapping;
	unsigned long first = slot << PINNED_CHUNK_ORDER, last = first + PINNED_CHUNK_PAGES - 1;
	struct vm_area_struct *vma;

	lockdep_assert_held(&view->pool->lock);
	i_mmap_lock_read(mapping);
	for (vma = mapping_iter_first(&mapping->i_mmap, first, last); vma;
	     vma = mapping_iter_next(vma, first, last))
		if (vma != gone && vma->vm_private_data == view)
			break;
	i_mmap_unlock_read(mapping);
	return vma;
}

/* Returns the view after @view in a walk over @root and all views below @root; NULL at the end. */
static struct pinned_view *next_below(struct pinned_view *view, struct pinned_view *root)
{
	if (!list_empty(&view->children))
		return list_first_entry(&view->children, struct pinned_view, sibling);
	for (; view != root; view = view->origin)
		if (!list_is_last(&view->sibling, &view->origin->children))
			return list_next_entry(view, sibling);
	return NULL;
}

/*
 * Returns true if the address space of @view, or of a view below @view, may still access the slot.
 */
bool pinned_need_is_slot_needed_locked(struct pinned_view *view, unsigned long slot)
{
	struct pinned_view *below;

	lockdep_assert_held(&view->pool->lock);
	for (below = view; below; below = next_below(below, view))
		if (below->mm && !xa_load(&below->given_up, slot))
			return true;
	return false;
}

/*
 * Returns true if a child of the dead owner's view must find this page in the view's chunk, which
 * has been in its slot since @born.
 */
static bool is_page_needed_locked(struct pinned_view *live, pgoff_t pgoff, u64 born)
{
	struct pinned_view *child;

	lockdep_assert_held(&live->pool->lock);
	list_for_each_entry(child, &live->children, sibling)
		if (child->forked_at >= born && pinned_copies_lack(&child->copies, pgoff) &&
		    pinned_need_is_slot_needed_locked(child, pgoff >> PINNED_CHUNK_ORDER))
			return true;
	return false;
}

/*
 * Returns true if a child needs any page of a chunk, as is_page_needed_locked(). The search goes
 * from @pgoff in both directions: pages are mostly copied in the order of their addresses, so a
 * neighbour of a page that was just copied is likely to be needed still.
 */
static bool is_chunk_needed_locked(struct pinned_view *live, pgoff_t pgoff, u64 born)
{
	pgoff_t first = round_down(pgoff, PINNED_CHUNK_PAGES);
	unsigned long at = pgoff - first, i;

	lockdep_assert_held(&live->pool->lock);
	for (i = 0; i < PINNED_CHUNK_PAGES; i++) {
		if (at + i < PINNED_CHUNK_PAGES && is_page_needed_locked(live, pgoff + i, born))
			return true;
		if (at >= i && is_page_needed_locked(live, pgoff - i, born))
			return true;
	}
	return false;
}

/* Releases the chunk in a slot of a dead owner's view. */
static void release_chunk_locked(struct pinned_view *live, unsigned long slot)
{
	struct pinned_chunk *chunk = xa_erase(&live->chunks, slot);

	lockdep_assert_held(&live->pool->lock);
	pinned_unname_chunk(chunk->page);
	atomic_long_dec(&live->pool->chunks);
	pinned_chunk_abandon(chunk);
}

static void sweep_chunks_locked(struct pinned_view *live, unsigned long first, unsigned long last)
{
	struct pinned_chunk *chunk;
	unsigned long slot;

	lockdep_assert_held(&live->pool->lock);
	xa_for_each_range(&live->chunks, slot, chunk, first, last) {
		if (!is_chunk_needed_locked(live, slot << PINNED_CHUNK_ORDER, chunk->born))
			release_chunk_locked(live, slot);
		cond_resched();
	}
}

static void sweep_copies_locked(struct pinned_view *view, unsigned long first, unsigned long last)
{
	unsigned long pgoff = first << PINNED_CHUNK_ORDER, slot;
	unsigned long end = (last << PINNED_CHUNK_ORDER) + PINNED_CHUNK_PAGES - 1;

	lockdep_assert_held(&view->pool->lock);
	while (xa_find(&view->copies.pages, &pgoff, end, XA_PRESENT)) {
		slot = pgoff >> PINNED_CHUNK_ORDER;
		pgoff = (slot + 1) << PINNED_CHUNK_ORDER;
		if (!pinned_need_is_slot_needed_locked(view, slot))
			pinned_copies_drop_range(&view->copies, slot << PINNED_CHUNK_ORDER,
						 pgoff - 1);
		cond_resched();
	}
}

/*
 * Releases the chunks or copies of one view, in the slots from @first to @last, that nobody needs
 * any more. A living owner, or a living snapshot that has given nothing up, needs everything.
 */
static void sweep_slots_locked(struct pinned_view *view, unsigned long first, unsigned long last)
{
	lockdep_assert_held(&view->pool->lock);
	if (view->mm && xa_empty(&view->given_up))
		return;
	if (is_live(view))
		sweep_chunks_locked(view, first, last);
	else
		sweep_copies_locked(view, first, last);
}

/* Releases what nobody needs any more of @view, after @view or a view below @view has died. */
void pinned_need_sweep_locked(struct pinned_view *view)
{
	lockdep_assert_held(&view->pool->lock);
	sweep_slots_locked(view, 0, (PINNED_POOL_SIZE >> PINNED_MEM_CHUNK_SHIFT) - 1);
}

/* Giving up. */

/*
 * Sets *@slot to the first slot, from *@slot to @last, in which @view may see memory: one that
 * contains copies of @view or of a view above, or a chunk. Returns false if there is none.
 */
static bool find_filled_locked(struct pinned_view *view, unsigned long *slot, unsigned long last)
{
	unsigned long end = (last << PINNED_CHUNK_ORDER) + PINNED_CHUNK_PAGES - 1;
	unsigned long found = ULONG_MAX, at;

	lockdep_assert_held(&view->pool->lock);
	for (; !is_live(view); view = view->origin) {
		at = *slot << PINNED_CHUNK_ORDER;
		if (xa_find(&view->copies.pages, &at, end, XA_PRESENT))
			found = min(found, at >> PINNED_CHUNK_ORDER);
	}
	at = *slot;
	if (xa_find(&view->chunks, &at, last, XA_PRESENT))
		found = min(found, at);
	*slot = found;
	return found != ULONG_MAX;
}

/**
 * pinned_need_end_locked() - notes that an address space has lost a mapping
 * @view: the snapshot of that address space, which continues to run
 * @vma: the mapping, which the core has removed from the page tables and from the file
 *
 * Gives up the slots that no other mapping of the snapshot shows, and releases what nobody needs
 * any more. A slot is not given up if there is no memory to record it.
 */
void pinned_need_end_locked(struct pinned_view *view, struct vm_area_struct *vma)
{
	unsigned long slot = first_page(vma) >> PINNED_CHUNK_ORDER;
	unsigned long first = slot, last = last_page(vma) >> PINNED_CHUNK_ORDER;
	bool has_given_up = false;

	lockdep_assert_held(&view->pool->lock);
	for (; slot <= last && find_filled_locked(view, &slot, last); slot++) {
		if (!is_mapped_locked(view, slot, vma) &&
		    !xa_err(xa_store(&view->given_up, slot, xa_mk_value(0), PINNED_GFP)))
			has_given_up = true;
		cond_resched();
	}
	if (!has_given_up)
		return;
	for (; view; view = view->origin)
		sweep_slots_locked(view, first, last);
}

/**
 * pinned_need_inherit_locked() - gives up for a new snapshot what its origin has given up
 * @child: the new snapshot
 * @from: the view that it was forked from
 *
 * If there is no memory to record all slots, the driver keeps more for @child than @child needs.
 */
void pinned_need_inherit_locked(struct pinned_view *child, struct pinned_view *from)
{
	unsigned long slot;
	void *entry;

	lockdep_assert_held(&from->pool->lock);
	xa_for_each(&from->given_up, slot, entry)
		if (xa_err(xa_store(&child->given_up, slot, entry, PINNED_GFP)))
			return;
}

/*
 * Notes that the snapshot @view now has a copy of its own of a page of which it had none. Releases
 * a dead owner's chunk if no child needs the chunk any more.
 */
void pinned_need_copied_locked(struct pinned_view *view, pgoff_t pgoff)
{
	struct pinned_view *live = view->origin;
	struct pinned_chunk *chunk;

	lockdep_assert_held(&view->pool->lock);
	if (!is_live(live) || live->mm)
		return;
	chunk = xa_load(&live->chunks, pgoff >> PINNED_CHUNK_ORDER);
	if (chunk && !is_chunk_needed_locked(live, pgoff, chunk->born))
		release_chunk_locked(live, pgoff >> PINNED_CHUNK_ORDER);
}

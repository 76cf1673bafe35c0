/* SPDX-License-Identifier: GPL-2.0-only */
/* What one address space sees of a pool. */
#ifndef PINNED_MEM_VIEW_H
#define PINNED_MEM_VIEW_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "copy.h"

struct inode;
struct mm_struct;
struct page;
struct pinned_chunk;
struct pinned_pool;
struct vm_area_struct;

/**
 * struct pinned_view - the live view of a pool's owner, or a forked child's snapshot
 * @pool:	the pool it shows
 * @mm:		the address space it belongs to; NULL once that is gone
 * @chunks:	live view: slot -> struct pinned_chunk; changed under the pool's
 *		lock, read without
 * @copies:	snapshot: pages of its own
 * @inode:	snapshot: what the pages that it owns are named after (see name.c)
 * @origin:	snapshot: the view that it was forked from
 * @children:	snapshots forked from it that are not gone
 * @sibling:	in @origin's @children
 * @forked_at:	snapshot: the pool's generation at the fork
 * @vmas:	mappings of it
 * @split_vmas:	live view: mappings that fork has put on small pages
 * @is_explained: snapshot: the log says why its process got SIGBUS
 *
 * All but the table of the live view is under the pool's lock.
 */
struct pinned_view {
	struct pinned_pool *pool;
	struct mm_struct *mm;
	struct xarray chunks;
	struct pinned_copies copies;
	struct inode *inode;
	struct pinned_view *origin;
	struct list_head children;
	struct list_head sibling;
	u64 forked_at;
	unsigned long vmas;
	unsigned long split_vmas;
	bool is_explained;
};

void pinned_view_init(struct pinned_view *view, struct pinned_pool *pool, struct mm_struct *mm);
struct pinned_view *pinned_view_add_child_locked(struct pinned_view *from, struct mm_struct *mm);
bool pinned_view_is_live(struct pinned_view *view);
void pinned_view_empty_locked(struct pinned_view *view);

struct page *pinned_view_get_page(struct pinned_view *view, pgoff_t pgoff);
bool pinned_view_has_page(struct pinned_view *view, pgoff_t pgoff, struct page *page);

void pinned_view_add_vma(struct pinned_view *view, struct vm_area_struct *vma);
void pinned_view_remove_vma(struct pinned_view *view, struct vm_area_struct *vma);

#endif /* PINNED_MEM_VIEW_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Views: what one address space sees of a pool. */
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
 * @pool:	the pool that the view shows
 * @mm:		the address space that the view belongs to; NULL once a snapshot, or a dying
 *		owner, has lost its last mapping
 * @chunks:	live view: slot -> struct pinned_chunk; written under the pool's lock, read
 *		without
 * @copies:	snapshot: the copies that it holds
 * @given_up:	snapshot: the slots that its address space can never access again (see need.c)
 * @inode:	snapshot: inode after which its own pages are named (see name.c)
 * @origin:	snapshot: the view that it was forked from
 * @children:	existing snapshots that were forked from this view
 * @sibling:	entry in @origin's @children
 * @forked_at:	snapshot: the pool's generation at the fork
 * @vmas:	number of mappings of the view
 * @split_vmas:	number of these mappings that are restricted to small pages: by a fork, or
 *		because the kernel cannot map a chunk by one entry
 * @is_explained: snapshot: the log says already why its process got SIGBUS
 *
 * The pool's lock protects everything but readers of the live view's table.
 */
struct pinned_view {
	struct pinned_pool *pool;
	struct mm_struct *mm;
	struct xarray chunks;
	struct pinned_copies copies;
	struct xarray given_up;
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
unsigned long pinned_view_split_vmas_locked(struct pinned_view *view);
void pinned_view_empty_locked(struct pinned_view *view);

struct page *pinned_view_get_page(struct pinned_view *view, pgoff_t pgoff);
bool pinned_view_has_page(struct pinned_view *view, pgoff_t pgoff, struct page *page);

void pinned_view_add_vma(struct pinned_view *view, struct vm_area_struct *vma);
void pinned_view_remove_vma(struct pinned_view *view, struct vm_area_struct *vma);
void pinned_view_check_owner(struct pinned_pool *pool);

#endif /* PINNED_MEM_VIEW_H */

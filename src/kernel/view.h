/* SPDX-License-Identifier: GPL-2.0-only */
/* What one address space sees of a pool: a table from slot to chunk. */
#ifndef PINNED_MEM_VIEW_H
#define PINNED_MEM_VIEW_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct mm_struct;
struct page;
struct pinned_pool;
struct vm_area_struct;

/**
 * struct pinned_view - the live view of a pool's owner, or a forked child's snapshot
 * @pool:	the pool it shows
 * @mm:		the address space it belongs to
 * @chunks:	slot -> struct page; changed under the pool's lock, read without
 * @node:	in the pool's list of snapshots (snapshots only)
 * @vmas:	mappings of it, under the pool's lock
 */
struct pinned_view {
	struct pinned_pool *pool;
	struct mm_struct *mm;
	struct xarray chunks;
	struct list_head node;
	unsigned long vmas;
};

void pinned_view_init(struct pinned_view *view, struct pinned_pool *pool, struct mm_struct *mm);
void pinned_view_empty_locked(struct pinned_view *view);
struct page *pinned_view_get_chunk(struct pinned_view *view, unsigned long slot);
bool pinned_view_has_chunk(struct pinned_view *view, unsigned long slot, struct page *chunk);

void pinned_view_add_vma(struct pinned_view *view);
void pinned_view_remove_vma(struct pinned_view *view);
struct pinned_view *pinned_view_fork(struct pinned_view *from, struct vm_area_struct *child_vma);

#endif /* PINNED_MEM_VIEW_H */

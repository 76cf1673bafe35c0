/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots: what a forked child sees of a pool, as of the fork, copied page by page when needed.
 */
#ifndef PINNED_MEM_SNAPSHOT_H
#define PINNED_MEM_SNAPSHOT_H

#include <linux/types.h>

struct page;
struct pinned_view;
struct vm_area_struct;

struct pinned_view *pinned_snapshot_fork(struct pinned_view *from,
					 struct vm_area_struct *child_vma);
struct page *pinned_snapshot_readable_page_locked(struct pinned_view *view, pgoff_t pgoff);
struct page *pinned_snapshot_writable_page_locked(struct pinned_view *view, pgoff_t pgoff);
struct page *pinned_snapshot_live_page_locked(struct pinned_view *view, pgoff_t pgoff);
void pinned_snapshot_give_chunk_locked(struct pinned_view *view, unsigned long slot);

#endif /* PINNED_MEM_SNAPSHOT_H */

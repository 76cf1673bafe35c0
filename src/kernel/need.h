/* SPDX-License-Identifier: GPL-2.0-only */
/* Which memory of a pool is still needed after its owner died, or a child unmapped a part of it. */
#ifndef PINNED_MEM_NEED_H
#define PINNED_MEM_NEED_H

#include <linux/types.h>

struct pinned_view;
struct vm_area_struct;

bool pinned_need_is_slot_needed_locked(struct pinned_view *view, unsigned long slot);
void pinned_need_inherit_locked(struct pinned_view *child, struct pinned_view *from);
void pinned_need_end_locked(struct pinned_view *view, struct vm_area_struct *vma);
void pinned_need_copied_locked(struct pinned_view *view, pgoff_t pgoff);
void pinned_need_sweep_locked(struct pinned_view *view);

#endif /* PINNED_MEM_NEED_H */

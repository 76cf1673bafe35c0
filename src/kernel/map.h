/* SPDX-License-Identifier: GPL-2.0-only */
/* Mappings of pools. */
#ifndef PINNED_MEM_MAP_H
#define PINNED_MEM_MAP_H

struct pinned_pool;
struct pinned_view;
struct vm_area_struct;

struct pinned_view *pinned_map_view(struct vm_area_struct *vma);
int pinned_map_pool(struct pinned_pool *pool, struct vm_area_struct *vma);

#endif /* PINNED_MEM_MAP_H */

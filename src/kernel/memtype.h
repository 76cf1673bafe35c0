/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory types: how CPU caches treat a chunk, in user mappings and in the kernel's mapping. */
#ifndef PINNED_MEM_MEMTYPE_H
#define PINNED_MEM_MEMTYPE_H

#include <linux/mm_types.h>
#include <linux/types.h>

struct device;

int pinned_memtype_init(void);
void pinned_memtype_exit(void);

u32 pinned_memtype_features(void);
struct device *pinned_memtype_device(void);
bool pinned_memtype_is_cached(u32 type);
bool pinned_memtype_is_alike(u32 type);
bool pinned_memtype_set(struct page *page, u32 *type);
bool pinned_memtype_reset(struct page *page, u32 *type);
pgprot_t pinned_memtype_prot(u32 type, pgprot_t prot);
bool pinned_memtype_is_of(struct vm_area_struct *vma, u32 type);

void pinned_memtype_before_copy(struct page *page, u32 type);
void pinned_memtype_sync(struct page *page, u32 offset, u32 length, u32 type, u32 flags);

#endif /* PINNED_MEM_MEMTYPE_H */

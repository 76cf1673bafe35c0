/* SPDX-License-Identifier: GPL-2.0-only */
/* One chunk: a compound page, charged to the quota while the driver holds it. */
#ifndef PINNED_MEM_CHUNK_H
#define PINNED_MEM_CHUNK_H

#include <linux/mm.h>
#include <uapi/pinned_mem.h>

#define PINNED_CHUNK_ORDER (PINNED_MEM_CHUNK_SHIFT - PAGE_SHIFT)
#define PINNED_CHUNK_PAGES (1UL << PINNED_CHUNK_ORDER)

struct pinned_policy;

struct page *pinned_chunk_create(const struct pinned_policy *policy);
struct page *pinned_chunk_copy(struct page *from);
void pinned_chunk_destroy(struct page *chunk);

#endif /* PINNED_MEM_CHUNK_H */

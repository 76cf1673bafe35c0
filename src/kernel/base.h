/* SPDX-License-Identifier: GPL-2.0-only */
/* What every file of the driver may need: the size of a chunk, and how memory is allocated. */
#ifndef PINNED_MEM_BASE_H
#define PINNED_MEM_BASE_H

#include <linux/gfp.h>
#include <linux/mm.h>
#include <uapi/pinned_mem.h>

#define PINNED_CHUNK_ORDER (PINNED_MEM_CHUNK_SHIFT - PAGE_SHIFT)
#define PINNED_CHUNK_PAGES (1UL << PINNED_CHUNK_ORDER)

/*
 * Allocations on behalf of a user charge the user's memory cgroup. When there is no memory they
 * fail; an ordinary allocation invokes the OOM killer instead, also for a cgroup at its limit.
 */
#define PINNED_GFP (GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

#endif /* PINNED_MEM_BASE_H */

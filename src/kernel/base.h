/* SPDX-License-Identifier: GPL-2.0-only */
/* Constants that every file of the driver may use: the size of a chunk, and allocation flags. */
#ifndef PINNED_MEM_BASE_H
#define PINNED_MEM_BASE_H

#include <linux/gfp.h>
#include <linux/mm.h>
#include <uapi/pinned_mem.h>

#define PINNED_CHUNK_ORDER (PINNED_MEM_CHUNK_SHIFT - PAGE_SHIFT)
#define PINNED_CHUNK_PAGES (1UL << PINNED_CHUNK_ORDER)

/*
 * Flags for allocations on behalf of a user. They charge the user's memory cgroup, and they fail
 * when there is no memory. An ordinary allocation would invoke the OOM killer, even when only the
 * cgroup is at its limit.
 */
#define PINNED_GFP (GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

#endif /* PINNED_MEM_BASE_H */

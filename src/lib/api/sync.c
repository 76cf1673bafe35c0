// SPDX-License-Identifier: MIT
/* pinned_sync_for_device() and pinned_sync_for_cpu(): cache maintenance, by memory type. */
#include <errno.h>

#include "api/range.h"
#include "os/errno.h"
#include "pinned.h"

#define BOTH (PINNED_DEVICE_READS | PINNED_DEVICE_WRITES)

/* Drains the CPU's write-combining buffers, which hold back stores to write-combining memory. */
static void drain_stores(void)
{
#if defined(__SSE__)
	__builtin_ia32_sfence();
#elif defined(__aarch64__)
	__asm__ volatile("dsb oshst" ::: "memory");
#else
	/* An x86 CPU may have no SSE. A locked instruction drains the buffers too. */
	__sync_synchronize();
#endif
}

static int sync_cached(const void *ptr, size_t len, unsigned int directions, bool is_for_device)
{
	struct pn_range range;
	int err = pn_range_find(ptr, len, &range);

	if (err || !range.pool.backend->sync)
		return err;
	return range.pool.backend->sync(&range.pool, range.offset, len, directions, is_for_device);
}

static int sync_range(const void *ptr, size_t len, unsigned int directions, bool is_for_device)
{
	int type;

	if (!directions || directions & ~BOTH)
		return EINVAL;
	if (!len)
		return 0;
	type = pn_range_type(ptr, len);
	if (type == PINNED_MEMORY_CACHED)
		return sync_cached(ptr, len, directions, is_for_device);
	if (type == PINNED_MEMORY_WRITE_COMBINE && is_for_device)
		drain_stores();
	return type < 0 ? EFAULT : 0;
}

int pinned_sync_for_device(const void *ptr, size_t len, unsigned int directions)
{
	return pn_result(sync_range(ptr, len, directions, true));
}

int pinned_sync_for_cpu(const void *ptr, size_t len, unsigned int directions)
{
	return pn_result(sync_range(ptr, len, directions, false));
}

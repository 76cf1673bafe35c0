// SPDX-License-Identifier: MIT
/* Registers chunks with a protection domain; see regions.h. */
#include "regions.h"

#include <errno.h>

/* Called by pinned_key() for a chunk that has no key. The key is the region's address. */
static int add(void *ctx, void *addr, size_t len, uint64_t *key)
{
	struct regions *regions = ctx;
	struct ibv_mr *region = ibv_reg_mr(regions->domain, addr, len, IBV_ACCESS_LOCAL_WRITE);

	if (!region)
		return errno;
	__atomic_fetch_add(&regions->added, 1, __ATOMIC_RELAXED);
	*key = (uintptr_t)region;
	return 0;
}

/* Called before a chunk is given back. */
static void withdraw(void *ctx, void *addr, size_t len, uint64_t key)
{
	struct regions *regions = ctx;

	(void)addr;
	(void)len;
	ibv_dereg_mr((struct ibv_mr *)(uintptr_t)key);
	__atomic_fetch_add(&regions->removed, 1, __ATOMIC_RELAXED);
}

int regions_begin(struct regions *regions, struct ibv_pd *domain)
{
	*regions = (struct regions){ .domain = domain };
	regions->registrar = pinned_watch(add, withdraw, regions);
	return regions->registrar ? 0 : -1;
}

void regions_end(struct regions *regions)
{
	pinned_unwatch(regions->registrar);
}

int regions_pieces(struct regions *regions, const void *ptr, size_t len, struct ibv_sge *pieces,
		   int most)
{
	const char *at = ptr;
	int count = 0;

	while (len) {
		uint64_t key;
		long room = pinned_key(regions->registrar, at, &key);
		size_t some = room < 0 || (size_t)room > len ? len : (size_t)room;

		if (room < 0)
			return -1;
		if (count == most) {
			errno = ENOBUFS;
			return -1;
		}
		pieces[count++] = (struct ibv_sge){
			.addr = (uintptr_t)at,
			.length = (uint32_t)some,
			.lkey = ((struct ibv_mr *)(uintptr_t)key)->lkey,
		};
		at += some;
		len -= some;
	}
	return count;
}

// SPDX-License-Identifier: MIT
/*
 * Huge pages of 2 MiB from the system's pool (vm.nr_hugepages), with physical addresses from
 * /proc/self/pagemap: for development on a machine without the driver.
 *
 * The limits of this backend are the reasons why the driver exists. The pages are private, so after
 * a fork whichever process writes first gets a copy. The parent therefore writes to each page right
 * after the fork, and then looks up the new physical address. A device that was active during the
 * fork has written to the old page. At each fork the system's pool must have as many free pages as
 * the parent holds.
 */
#include <errno.h>
#include <sys/mman.h>

#include "backend/backend.h"
#include "os/pagemap.h"
#include "os/sys.h"

#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#endif

#define HUGE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB | MAP_POPULATE)

static bool release(size_t slot, size_t count)
{
	return pn_sys_unmap(pn_arena_slot_at(slot), count * PN_CHUNK_SIZE);
}

/* Opens a pool if a huge page is available and its frame number can be read. */
static int hugetlb_open(struct pn_pool *pool)
{
	uint64_t phys;
	void *page;

	if (!pn_memory_is_ordinary(&pool->memory))
		return EOPNOTSUPP;
	page = pn_sys_map_anywhere(PN_CHUNK_SIZE, HUGE);
	if (!page)
		return errno;
	phys = pn_pagemap_phys(page);
	pn_sys_unmap(page, PN_CHUNK_SIZE);
	return phys == PN_PHYS_UNKNOWN ? EPERM : 0;
}

static int hugetlb_populate(struct pn_pool *pool, size_t slot, size_t count, uint64_t *phys)
{
	int err = pn_sys_map(pn_arena_slot_at(slot), count * PN_CHUNK_SIZE, HUGE, -1, 0);

	(void)pool;
	if (err == EEXIST)
		return pn_backend_exclude_foreign(slot, count) ? PN_BACKEND_FOREIGN : ENOMEM;
	if (err)
		return err;
	for (size_t i = 0; !err && i < count; i++) {
		phys[i] = pn_pagemap_phys(pn_arena_slot_at(slot + i));
		/* mmap() does not report that MAP_POPULATE stopped half-way. */
		if (phys[i] == PN_PHYS_UNKNOWN)
			err = ENOMEM;
	}
	if (err)
		release(slot, count);
	return err;
}

static int hugetlb_punch(struct pn_pool *pool, size_t slot, size_t count)
{
	(void)pool;
	return release(slot, count) ? 0 : ENOMEM;
}

static void hugetlb_disown(struct pn_pool *pool)
{
	(void)pool;
}

static uint64_t hugetlb_after_fork(size_t slot)
{
	char *chunk = pn_arena_slot_at(slot);

	/* This atomic write changes nothing, even if another thread writes there too. */
	__atomic_fetch_or(chunk, 0, __ATOMIC_RELAXED);
	return pn_pagemap_phys(chunk);
}

const struct pn_backend pn_backend_hugetlb = {
	.name = "hugetlb",
	.open = hugetlb_open,
	.populate = hugetlb_populate,
	.punch = hugetlb_punch,
	.disown = hugetlb_disown,
	.after_fork = hugetlb_after_fork,
};

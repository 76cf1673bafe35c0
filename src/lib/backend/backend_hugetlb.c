// SPDX-License-Identifier: MIT
/*
 * Huge pages of 2 MiB from the system's pool (vm.nr_hugepages), translated by
 * pagemap: for development on a machine without the driver.
 *
 * Its limits are the reasons why the driver exists. Pages are private, so after
 * a fork the first writer gets a new one: the parent writes to each page right
 * after the fork, so that it gets the new one then, and looks its addresses up
 * again. A device that was at work during the fork wrote to the old page. For
 * every fork the pool must have as many free pages as the parent holds.
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

/* Usable only where pages are to be had and their frames can be read. */
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
		return pn_arena_skip(slot, count) ? PN_BACKEND_FOREIGN : ENOMEM;
	if (err)
		return err;
	for (size_t i = 0; !err && i < count; i++) {
		phys[i] = pn_pagemap_phys(pn_arena_slot_at(slot + i));
		/* MAP_POPULATE does not say when it stopped half-way. */
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

	/* A write that changes nothing, even if another thread writes there too. */
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

// SPDX-License-Identifier: MIT
/* Reserving the arena's addresses and its tables, which are sized with it; see addresses.h. */
#include "arena/addresses.h"

#include "arena/arena.h"
#include "os/sys.h"

/* Where addresses have 32 bits, a third or a fourth of what a program has. */
#define ARENA_SIZE_MAX ((size_t)1 << (sizeof(size_t) > 4 ? 40 : 30))
#define ARENA_SIZE_MIN ((size_t)4 << 20)
#define EXTENT_SIZE_MAX ((size_t)1 << 30)

static void release_tables(size_t size)
{
	if (pn_arena.phys)
		pn_sys_unmap(pn_arena.phys, size / PN_CHUNK_SIZE * sizeof(*pn_arena.phys));
	if (pn_arena.slabs)
		pn_sys_unmap(pn_arena.slabs, size / PN_PAGE_SIZE * sizeof(*pn_arena.slabs));
	if (pn_arena.slots)
		pn_sys_unmap(pn_arena.slots, size / PN_CHUNK_SIZE * sizeof(*pn_arena.slots));
}

static bool make_tables(size_t size)
{
	size_t phys_size = size / PN_CHUNK_SIZE * sizeof(*pn_arena.phys);

	pn_arena.phys = pn_sys_table(phys_size);
	pn_arena.slabs = pn_sys_table(size / PN_PAGE_SIZE * sizeof(*pn_arena.slabs));
	pn_arena.slots = pn_sys_table(size / PN_CHUNK_SIZE * sizeof(*pn_arena.slots));
	if (pn_arena.phys && pn_arena.slabs && pn_arena.slots &&
	    pn_sys_wipe_on_fork(pn_arena.phys, phys_size))
		return true;
	release_tables(size);
	return false;
}

size_t pn_reserve_extent_size(size_t size)
{
	size_t extent = size / 16 < EXTENT_SIZE_MAX ? size / 16 : EXTENT_SIZE_MAX;

	return extent > PN_CHUNK_SIZE ? extent : PN_CHUNK_SIZE;
}

/* Return: false if there are no addresses for this size. */
static bool reserve(size_t size)
{
	void *base = pn_sys_reserve(size, pn_reserve_extent_size(size));

	if (!base)
		return false;
	if (!make_tables(size)) {
		pn_sys_unreserve(base, size);
		return false;
	}
	pn_arena.base = (uintptr_t)base;
	return true;
}

size_t pn_reserve_most(void)
{
	size_t size = ARENA_SIZE_MAX, limit = pn_sys_address_limit();

	while (limit != SIZE_MAX && size > limit / 8)
		size /= 2;
	while (size >= ARENA_SIZE_MIN && !reserve(size))
		size /= 2;
	return size >= ARENA_SIZE_MIN ? size : 0;
}

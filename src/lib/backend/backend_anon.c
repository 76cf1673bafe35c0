// SPDX-License-Identifier: MIT
/*
 * Ordinary anonymous memory, without physical addresses: for tests, and for
 * programs that only want the allocator. The range is mapped over to give memory
 * back, and nothing but mmap is used.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/backend.h"
#include "os/sys.h"

static int anon_open(struct pn_pool *pool)
{
	return pn_memory_is_ordinary(&pool->memory) ? 0 : EOPNOTSUPP;
}

static int map_fresh(size_t slot, size_t count)
{
	return pn_sys_map(pn_arena_slot_at(slot), count * PN_CHUNK_SIZE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static int anon_populate(struct pn_pool *pool, size_t slot, size_t count, uint64_t *phys)
{
	(void)pool;
	memset(phys, 0xff, count * sizeof(*phys)); /* PN_PHYS_UNKNOWN */
	return map_fresh(slot, count);
}

/* A fresh mapping, still accessible: the next populate() then merges with its neighbours. */
static int anon_punch(struct pn_pool *pool, size_t slot, size_t count)
{
	if (!pool->has_guards)
		return map_fresh(slot, count);
	pn_sys_map_none(pn_arena_slot_at(slot), count * PN_CHUNK_SIZE);
	return 0;
}

static void anon_disown(struct pn_pool *pool)
{
	(void)pool;
}

const struct pn_backend pn_backend_anon = {
	.name = "anon",
	.open = anon_open,
	.populate = anon_populate,
	.punch = anon_punch,
	.disown = anon_disown,
};

// SPDX-License-Identifier: MIT
/*
 * Ordinary anonymous memory, without physical addresses: for tests, and for programs that only want
 * the allocator. Only chunks that have memory are mapped. The process's limits on address space and
 * data, and the system's limit on committed memory, therefore count the same as with the C
 * library's allocator.
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

static int anon_populate(struct pn_pool *pool, size_t slot, size_t count, uint64_t *phys)
{
	int err = pn_sys_map(pn_arena_slot_at(slot), count * PN_CHUNK_SIZE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)pool;
	memset(phys, 0xff, count * sizeof(*phys)); /* PN_PHYS_UNKNOWN */
	if (err == EEXIST && pn_backend_exclude_foreign(slot, count))
		return PN_BACKEND_FOREIGN;
	return err ? ENOSPC : 0;
}

/* If the process has too many mappings for another split, this fails and the memory stays. */
static int anon_punch(struct pn_pool *pool, size_t slot, size_t count)
{
	(void)pool;
	return pn_sys_unmap(pn_arena_slot_at(slot), count * PN_CHUNK_SIZE) ? 0 : ENOMEM;
}

static void anon_disown(struct pn_pool *pool)
{
	(void)pool;
}

const struct pn_backend pn_backend_anon = {
	.name = "anon",
	.has_small_pages = true,
	.open = anon_open,
	.populate = anon_populate,
	.punch = anon_punch,
	.disown = anon_disown,
};

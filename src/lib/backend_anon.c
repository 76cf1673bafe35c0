// SPDX-License-Identifier: MIT
/*
 * Ordinary anonymous memory, without physical addresses: for tests, and for
 * programs that only want the allocator. The range is mapped over to give memory
 * back, and nothing but mmap is used.
 */
#include <string.h>
#include <sys/mman.h>

#include "backend.h"
#include "sys.h"

static int anon_open(const struct pn_config *config)
{
	(void)config;
	return 0;
}

static int anon_populate(char *addr, size_t slot, size_t count, uint64_t *phys)
{
	(void)slot;
	memset(phys, 0xff, count * sizeof(*phys)); /* PN_PHYS_UNKNOWN */
	return pn_sys_map(addr, count * PN_CHUNK_SIZE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			  -1, 0);
}

/* A fresh mapping, still accessible: the next populate() then merges with its neighbours. */
static int anon_punch(char *addr, size_t slot, size_t count)
{
	(void)slot;
	return pn_sys_map(addr, count * PN_CHUNK_SIZE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			  -1, 0);
}

static void anon_disown(void)
{
}

const struct pn_backend pn_backend_anon = {
	.name = "anon",
	.survives_fork = true,
	.open = anon_open,
	.populate = anon_populate,
	.punch = anon_punch,
	.disown = anon_disown,
};

// SPDX-License-Identifier: MIT
/* The arena's extents, and its lock. Its addresses and tables are addresses.c's. */
#include "arena/arena.h"

#include <errno.h>

#include "arena/addresses.h"
#include "os/lock.h"
#include "os/watch.h"

struct pn_arena pn_arena __attribute__((aligned(PN_CACHE_LINE)));

static struct pn_lock lock = PN_LOCK_INIT;
static size_t extent_slots;
/* extent -> number of its pool */
static uint32_t owners[PN_EXTENTS_MAX];
static size_t used_extents;
static uint32_t last_pool;

PN_WATCH_VARIABLE(extent_slots, extent_slots);
PN_WATCH_VARIABLE(used_extents, used_extents);

int pn_arena_init(void)
{
	size_t size = pn_reserve_most();

	if (!size)
		return ENOMEM;
	extent_slots = pn_reserve_extent_size(size) / PN_CHUNK_SIZE;
	/* Last: this is what makes pn_arena_has() true of anything. */
	__atomic_store_n(&pn_arena.size, size, __ATOMIC_RELEASE);
	return 0;
}

size_t pn_arena_slot_count(void)
{
	return pn_arena.size / PN_CHUNK_SIZE;
}

size_t pn_arena_extent_slots(void)
{
	return extent_slots;
}

size_t pn_arena_used_slots(void)
{
	return __atomic_load_n(&used_extents, __ATOMIC_RELAXED) * extent_slots;
}

uint32_t pn_arena_new_pool(void)
{
	return ++last_pool;
}

uint32_t pn_arena_owner(size_t slot)
{
	return owners[slot / extent_slots];
}

void pn_arena_claim(size_t slot, size_t count, uint32_t pool)
{
	size_t last = (slot + count - 1) / extent_slots;

	for (size_t extent = slot / extent_slots; extent <= last; extent++)
		owners[extent] = pool;
	if (last >= used_extents)
		__atomic_store_n(&used_extents, last + 1, __ATOMIC_RELAXED);
}

void pn_arena_disclaim(uint32_t pool)
{
	for (size_t extent = 0; extent < used_extents; extent++)
		if (owners[extent] == pool)
			owners[extent] = 0;
}

void pn_arena_lock(void)
{
	pn_lock(&lock);
}

bool pn_arena_lock_inside(void)
{
	return pn_lock_inside(&lock);
}

bool pn_arena_lock_try(void)
{
	return pn_lock_try(&lock);
}

void pn_arena_unlock(void)
{
	pn_unlock(&lock);
}

void pn_arena_reset_lock(void)
{
	pn_lock_reset(&lock);
}

#if PN_CHECKS
bool pn_arena_lock_is_held(void)
{
	return pn_lock_is_held(&lock);
}
#endif

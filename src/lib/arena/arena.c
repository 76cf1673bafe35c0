// SPDX-License-Identifier: MIT
/* The arena's slots and regions, and its lock. Regions are changed with the lock held. */
#include "arena/arena.h"

#include <errno.h>

#include "arena/space.h"
#include "arena/tables.h"
#include "arena/window.h"
#include "arena/work.h"
#include "os/confined.h"
#include "os/lock.h"
#include "os/sys.h"

/*
 * The number of slots of the first region, and of the largest one. A small arena has smaller
 * regions, so that there are at least REGIONS_LEAST of them.
 */
#define REGION_SLOTS_MIN 16
#define REGION_SLOTS_MAX 512
#define REGIONS_LEAST 64

static struct pn_lock lock = PN_LOCK_INIT;
static uint32_t last_pool;
/*
 * Number of slots whose entries are being mapped. A child that is forked meanwhile inherits some of
 * these mappings, and unmaps them before it claims any slot.
 */
static size_t pending;

/* Regions. */

static size_t at_least(size_t value, size_t least)
{
	return value < least ? least : value;
}

static size_t at_most(size_t value, size_t most)
{
	return value < most ? value : most;
}

static size_t smallest_region(void)
{
	return at_most(at_least(pn_arena_slot_limit() / REGIONS_LEAST, 1), REGION_SLOTS_MIN);
}

static size_t largest_region(void)
{
	return at_most(pn_arena_slot_limit() / 4, REGION_SLOTS_MAX);
}

/*
 * Makes the slots from @first up to @end a region. If another thread forks meanwhile, then each of
 * these slots belongs, in the child, to either the old region or the new one, and both are valid.
 */
static void set_region(size_t first, size_t end, uint32_t mapped)
{
	pn_arena.slots[first].mapped = mapped;
	pn_arena.slots[first].region_slots = (uint32_t)(end - first);
	pn_child_order_writes();
	for (size_t slot = first; slot < end; slot++)
		__atomic_store_n(&pn_arena.slots[slot].region, (uint32_t)first, __ATOMIC_RELEASE);
}

size_t pn_arena_region_end(size_t slot)
{
	size_t first = pn_arena.slots[slot].region;

	pn_assert(first <= slot && slot - first < pn_arena.slots[first].region_slots);
	return first + pn_arena.slots[first].region_slots;
}

void pn_arena_divide(size_t slot, size_t count)
{
	size_t first = pn_arena.slots[slot].region, end = pn_arena_region_end(slot);
	uint32_t mapped = pn_arena.slots[first].mapped;

	pn_assert(count && first <= slot && slot + count <= end);
	/*
	 * Shorten the first region last, so that the other slots belong to some region at any
	 * moment.
	 */
	if (slot + count < end)
		set_region(slot + count, end, mapped);
	if (first < slot)
		set_region(slot, slot + count, mapped);
	pn_child_order_writes();
	set_region(first, first < slot ? slot : slot + count, mapped);
}

uint32_t pn_arena_new_pool(void)
{
	return ++last_pool;
}

uint32_t pn_arena_owner(size_t slot)
{
	return slot < pn_arena_slot_count() ? pn_arena.slots[slot].pool : 0;
}

static void set_owner(size_t first, size_t end, uint32_t pool)
{
	for (size_t slot = first; slot < end; slot++)
		pn_arena.slots[slot].pool = pool;
}

/* Claiming. */

/* Claims @count more slots, as one region. Returns 0 or ENOMEM. */
static int grow(size_t count)
{
	size_t from = pn_arena_slot_count();

	if (pending)
		pn_tables_unmap(from, from + pending);
	pending = count;
	pn_child_order_writes();
	if (pn_tables_map(from, from + count)) {
		pending = 0;
		return ENOMEM;
	}
	set_region(from, from + count, 0);
	/* Store the size last: from now on, pn_arena_has() is true for addresses in these slots. */
	__atomic_store_n(&pn_arena.size, (from + count) << PN_CHUNK_SHIFT, __ATOMIC_RELEASE);
	pn_child_order_writes();
	pending = 0;
	return 0;
}

int pn_arena_init(void)
{
	struct pn_window window;

	if (!pn_window_choose(&window, REGION_SLOTS_MIN * PN_CHUNK_SIZE))
		return ENOMEM;
	pn_arena.base = window.arena;
	pn_arena.limit = window.size;
	pn_tables_place(window.tables, window.size);
	return grow(smallest_region());
}

/*
 * Claims a region at the end of the arena, about as large as all that the pool has claimed before.
 * If there is no memory for that, claims a smaller region that reaches only up to @end. Returns 0
 * or ENOMEM.
 */
static int grow_for(const struct pn_claims *claims, size_t end)
{
	size_t needed = at_most(end - pn_arena_slot_count(), largest_region());
	size_t count = at_least(claims->slots + smallest_region(), needed);

	count = at_most(count, largest_region());
	count = at_most(count, pn_arena_slot_limit() - pn_arena_slot_count());
	if (!count)
		return ENOMEM;
	return grow(count) && (needed >= count || grow(needed)) ? ENOMEM : 0;
}

int pn_arena_claim(size_t slot, size_t count, uint32_t pool, struct pn_claims *claims)
{
	size_t end = slot + count;

	pn_arena_assert_held();
	pn_assert(count && end <= pn_arena_slot_limit());
	if (claims->pool != pool)
		*claims = (struct pn_claims){ .pool = pool };
	while (pn_arena_slot_count() < end)
		if (grow_for(claims, end))
			return ENOSPC;
	for (size_t at = slot, next; at < end; at = next) {
		next = pn_arena_region_end(at);
		if (pn_arena.slots[at].pool == pool)
			continue;
		pn_assert(!pn_arena.slots[at].pool);
		set_owner(pn_arena.slots[at].region, next, pool);
		claims->slots += next - pn_arena.slots[at].region;
	}
	return 0;
}

void pn_arena_disclaim(uint32_t pool)
{
	for (size_t slot = 0; slot < pn_arena_slot_count(); slot++)
		if (pn_arena.slots[slot].pool == pool)
			pn_arena.slots[slot].pool = 0;
}

/* Mappings of somebody else. */

static bool is_occupied(size_t slot)
{
	return pn_arena.slots[slot].state == PN_SLOT_HOLE &&
	       !pn_arena.slots[pn_arena.slots[slot].region].mapped &&
	       !pn_sys_is_free(pn_arena_slot_at(slot), PN_CHUNK_SIZE);
}

/* Returns how many slots from @first on are occupied, up to the end of its region and to @end. */
static size_t occupied_run(size_t first, size_t end)
{
	size_t slot = first;

	end = at_most(end, pn_arena_region_end(first));
	while (slot < end && is_occupied(slot))
		slot++;
	return slot - first;
}

bool pn_arena_exclude_foreign(size_t slot, size_t count)
{
	bool has_skipped = false;

	for (size_t at = slot, run; at < slot + count; at += run ? run : 1) {
		run = occupied_run(at, slot + count);
		if (!run)
			continue;
		pn_arena_divide(at, run);
		set_owner(at, at + run, PN_POOL_NOBODY);
		has_skipped = true;
	}
	return has_skipped;
}

/*
 * In a region that a pool has mapped as a whole, nobody else can have mapped a hole. In any other
 * region, the library has nothing mapped at a hole, so whatever is mapped there belongs to somebody
 * else. A process that filters its system calls cannot find out: the answer is then true, and the C
 * library judges the pointer.
 */
bool pn_arena_is_in_foreign(const void *ptr)
{
	const struct pn_slot *slot = &pn_arena.slots[pn_arena_offset(ptr) >> PN_CHUNK_SHIFT];
	size_t region = __atomic_load_n(&slot->region, __ATOMIC_ACQUIRE);

	return !__atomic_load_n(&pn_arena.slots[region].mapped, __ATOMIC_RELAXED) &&
	       (pn_is_confined() || pn_sys_is_mapped(ptr));
}

/* The lock. */

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

void pn_arena_pause(void)
{
	pn_lock_pause(&lock);
}

bool pn_arena_resume(void)
{
	return pn_lock_resume(&lock);
}

void pn_arena_reset_lock(void)
{
	pn_work_in_child();
	pn_lock_reset(&lock);
	pn_space_in_child();
}

#if PN_CHECKS
bool pn_arena_lock_is_held(void)
{
	return pn_lock_is_held(&lock);
}
#endif

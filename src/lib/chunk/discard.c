// SPDX-License-Identifier: MIT
/*
 * Gives inherited memory back; see discard.h. Takes no lock: two threads that give the same memory
 * back do no harm. Memory is announced before it is given back (announce.h). While the thread
 * announces other memory, nothing is given back.
 */
#include "chunk/discard.h"

#include <sys/mman.h>

#include "os/announce.h"
#include "os/confined.h"
#include "os/sys.h"

/* The value of @next for an inherited slot that was given back; such a slot is in no list. */
#define GIVEN_BACK UINT32_MAX

/*
 * The addresses stay accessible: a signal handler may have forked while the interrupted thread was
 * about to use an object there.
 */
void pn_discard_slots(size_t first, size_t count)
{
	void *start = pn_arena_slot_at(first);
	size_t size = count << PN_CHUNK_SHIFT;

	if (!pn_announce_is_possible())
		return;
	for (size_t i = 0; i < count; i++)
		__atomic_store_n(&pn_arena.slots[first + i].next, GIVEN_BACK, __ATOMIC_RELAXED);
	if (pn_is_confined())
		return;
	pn_announce(start, size);
	if (pn_heap.pool.backend->has_small_pages)
		pn_sys_discard(start, size);
	else
		pn_sys_map_over(start, size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

bool pn_discard_is_done(size_t slot)
{
	return __atomic_load_n(&pn_arena.slots[slot].next, __ATOMIC_RELAXED) == GIVEN_BACK;
}

static bool is_fresh(const struct pn_slot *slot, size_t page)
{
	return __atomic_load_n(&slot->fresh[page / 64], __ATOMIC_RELAXED) >> (page % 64) & 1;
}

static void set_fresh(struct pn_slot *slot, size_t page)
{
	__atomic_fetch_or(&slot->fresh[page / 64], (uint64_t)1 << (page % 64), __ATOMIC_RELAXED);
}

void pn_discard_pages(size_t first, size_t count)
{
	struct pn_slot *slot = &pn_arena.slots[first / PN_CHUNK_PAGES];
	bool is_needed = false;

	if (!pn_heap.pool.backend->has_small_pages || pn_is_confined() ||
	    !pn_announce_is_possible())
		return;
	for (size_t page = first; page < first + count; page++)
		if (!is_fresh(slot, page % PN_CHUNK_PAGES)) {
			set_fresh(slot, page % PN_CHUNK_PAGES);
			is_needed = true;
		}
	if (!is_needed)
		return;
	pn_announce(pn_arena_at(first << PN_PAGE_SHIFT), count << PN_PAGE_SHIFT);
	pn_sys_discard(pn_arena_at(first << PN_PAGE_SHIFT), count << PN_PAGE_SHIFT);
}

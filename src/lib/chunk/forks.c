// SPDX-License-Identifier: MIT
/* What a parent does around its forks; see forks.h. */
#include "chunk/forks.h"

#include "os/confined.h"
#include "os/sys.h"

#define REMAP_PAUSE_MIN_MS 10

/* How many forks are under way, and how many are over. */
static uint32_t forks_under_way, forks;
/* The value of @forks at the last look-up of physical addresses; the arena's lock covers it. */
static uint32_t forks_looked_up;

/*
 * Either this function sees that a fork is under way, or pn_forks_begin() sees the address and
 * removes it: each of the two writes its own word before it reads the other's, in
 * sequentially consistent order.
 */
void pn_forks_set_phys(const struct pn_backend *backend, size_t slot, uint64_t phys)
{
	pn_slot_set_phys(slot, phys);
	if (backend->after_fork && __atomic_load_n(&forks_under_way, __ATOMIC_SEQ_CST))
		pn_slot_set_phys(slot, PN_PHYS_UNKNOWN);
}

static bool moves_at_fork(const struct pn_backend *backend)
{
	return backend && backend->after_fork;
}

void pn_forks_begin(const struct pn_backend *backend)
{
	__atomic_fetch_add(&forks_under_way, 1, __ATOMIC_SEQ_CST);
	if (!moves_at_fork(backend))
		return;
	for (size_t i = 0; i < pn_arena_slot_count(); i++)
		if (__atomic_load_n(&pn_arena.phys[i], __ATOMIC_SEQ_CST))
			pn_slot_set_phys(i, PN_PHYS_UNKNOWN);
}

static void look_up_again_locked(const struct pn_backend *backend)
{
	pn_arena_assert_held();
	forks_looked_up = __atomic_load_n(&forks, __ATOMIC_ACQUIRE);
	for (size_t i = 0; i < pn_arena_slot_count(); i++)
		if (pn_arena.slots[i].state != PN_SLOT_HOLE &&
		    pn_arena.slots[i].state != PN_SLOT_LEAVING &&
		    pn_arena.slots[i].epoch == pn_arena.epoch && !pn_is_confined())
			pn_forks_set_phys(backend, i, backend->after_fork(i));
}

void pn_forks_end(const struct pn_backend *backend)
{
	__atomic_fetch_sub(&forks_under_way, 1, __ATOMIC_RELEASE);
	__atomic_fetch_add(&forks, 1, __ATOMIC_RELEASE);
	/* If another thread holds the lock, the next slow path looks the addresses up. */
	if (!moves_at_fork(backend) || !pn_arena_lock_try())
		return;
	look_up_again_locked(backend);
	pn_arena_unlock();
}

void pn_forks_notice_locked(struct pn_heap *heap)
{
	const struct pn_backend *backend = heap->pool.backend;
	uint32_t now = __atomic_load_n(&forks, __ATOMIC_ACQUIRE);

	pn_arena_assert_held();
	if (pn_likely(heap->forks == now))
		return;
	heap->forks = now;
	if (backend->remap) {
		heap->remap_pause_ms = REMAP_PAUSE_MIN_MS;
		heap->remap_ms = pn_sys_now_ms() + heap->remap_pause_ms;
	}
	if (moves_at_fork(backend) && forks_looked_up != now)
		look_up_again_locked(backend);
}

uint32_t pn_forks_count(void)
{
	return __atomic_load_n(&forks, __ATOMIC_ACQUIRE);
}

void pn_forks_in_child(void)
{
	__atomic_store_n(&forks_under_way, 0, __ATOMIC_RELAXED);
}

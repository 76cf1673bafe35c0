/* SPDX-License-Identifier: MIT */
/*
 * The arena: one reserved range of virtual addresses, divided into slots of one
 * chunk each, and the tables that say what is at an address. Whose a slot is, and
 * what it is used for, is the heaps' business (slots.h, pages.h).
 *
 * Slots belong to extents, and an extent to the pool that populates it: after a
 * fork, or when a pool is lost, its extents are left alone, and a new pool goes
 * on in others. Pools are counted, and the number of one is never used again.
 */
#ifndef PN_ARENA_H
#define PN_ARENA_H

#include "os/assert.h"
#include "os/base.h"
#include "os/child.h"

#define PN_EXTENTS_MAX 1024

struct pn_heap;
struct pn_slab;

enum pn_slot_state {
	PN_SLOT_HOLE,  /* no memory */
	PN_SLOT_EMPTY, /* memory that holds nothing, kept for a while */
	PN_SLOT_PAGES, /* cut into runs of pages */
	PN_SLOT_LARGE, /* first of a large object */
	PN_SLOT_LARGE_TAIL,
	PN_SLOT_RAW, /* another allocator's */
};

/* A byte for each object. A larger value counts how often the object is retained: see retain.h. */
enum pn_object_state {
	PN_OBJECT_NEVER, /* not handed out since its memory was made fit for objects like it */
	PN_OBJECT_LIVE,
	PN_OBJECT_FREED, /* free, in the slab or in a thread's cache */
};

#define PN_PAGE_WORDS (PN_CHUNK_PAGES / 64)

/**
 * struct pn_slot - what is known of a slot
 * @state: enum pn_slot_state
 * @object: enum pn_object_state of the large object that begins here, or did last
 * @longest: for PAGES, the longest run of free pages
 * @pool: number of the pool that populated it
 * @epoch: the fork generation that populated it
 * @run: for LARGE, slots of the object; for LARGE_TAIL, slots of it before this one
 * @prev: with @next, neighbours in the list that its state puts it into; slot + 1, 0 for none
 * @emptied_ms: for EMPTY, since when
 * @heap: whose it is, while it has memory
 * @free: for PAGES, a bit for each page
 * @fresh: pages that nobody has had since the slot was populated: they are zeros
 */
struct pn_slot {
	uint8_t state;
	uint8_t object;
	uint16_t longest;
	uint32_t pool;
	uint32_t epoch;
	uint32_t run;
	uint32_t prev;
	uint32_t next;
	uint64_t emptied_ms;
	struct pn_heap *heap;
	uint64_t free[PN_PAGE_WORDS];
	uint64_t fresh[PN_PAGE_WORDS];
};

/**
 * struct pn_arena - what fast paths read; written at initialisation and in forked children only
 * @base: first address
 * @size: bytes; 0 before initialisation and without a backend
 * @phys: slot -> physical address + 1, 0 for none; wiped in a forked child
 * @slabs: page -> the slab that it belongs to, or the medium object that begins in it
 * @slots: slot -> its state
 * @epoch: fork generation; memory of another one is inherited, and not allocated from
 */
struct pn_arena {
	uintptr_t base;
	size_t size;
	uint64_t *phys;
	struct pn_slab **slabs;
	struct pn_slot *slots;
	uint32_t epoch;
};

extern struct pn_arena pn_arena;

static inline size_t pn_arena_offset(const void *ptr)
{
	return (uintptr_t)ptr - pn_arena.base;
}

static inline bool pn_arena_has(const void *ptr)
{
	return pn_arena_offset(ptr) < pn_arena.size;
}

static inline void *pn_arena_at(size_t offset)
{
	return (void *)(pn_arena.base + offset);
}

static inline void *pn_arena_slot_at(size_t slot)
{
	return pn_arena_at(slot << PN_CHUNK_SHIFT);
}

/* Read without the lock by pinned_owns() and pinned_p2v(). */
static inline void pn_slot_set_state(struct pn_slot *slot, enum pn_slot_state state)
{
	__atomic_store_n(&slot->state, (uint8_t)state, __ATOMIC_RELAXED);
}

/*
 * A signal handler may fork just before the address is stored. The child's table is wiped by then, and
 * must stay so: the chunk is its parent's.
 */
static inline void pn_slot_set_phys(size_t slot, uint64_t phys)
{
	__atomic_store_n(&pn_arena.phys[slot], phys + 1, __ATOMIC_SEQ_CST);
	if (pn_unlikely(pn_child_is_new()))
		__atomic_store_n(&pn_arena.phys[slot], 0, __ATOMIC_RELEASE);
}

/* Reserve addresses and make the tables. Return: 0 or ENOMEM. */
int pn_arena_init(void);

size_t pn_arena_slot_count(void);
size_t pn_arena_extent_slots(void);
/* Slots from here on have no memory. Safe in signal handlers. */
size_t pn_arena_used_slots(void);

/* A number for a pool. */
uint32_t pn_arena_new_pool(void);
/* The pool that @slot may be populated from; 0: nobody's yet. */
uint32_t pn_arena_owner(size_t slot);
/* Make the extents of these slots, which are nobody's or the pool's already, the pool's. */
void pn_arena_claim(size_t slot, size_t count, uint32_t pool);

/* A pool has gone, and nothing of it is left: its extents are nobody's again. */
void pn_arena_disclaim(uint32_t pool);

/* The lock of everything that is slots and pages, of all heaps. */
void pn_arena_lock(void);
/* The same while the thread may hold another lock. Return: as pn_lock_inside(). */
bool pn_arena_lock_inside(void) __attribute__((warn_unused_result));
/* The same if it is free. Return: false if not. */
bool pn_arena_lock_try(void);
void pn_arena_unlock(void);
void pn_arena_reset_lock(void);
/* Return: true if the calling thread holds the lock. For assertions. */
bool pn_arena_lock_is_held(void);
#define pn_arena_assert_held() pn_assert(pn_arena_lock_is_held())

#endif /* PN_ARENA_H */

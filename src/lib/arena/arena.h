/* SPDX-License-Identifier: MIT */
/*
 * The arena: a range of virtual addresses, divided into slots of one chunk each, and the tables
 * that say what is at an address. What a slot holds is decided by the heaps (slots.h, pages.h).
 *
 * The addresses are chosen at the start and not mapped (window.h). Slots are claimed from the
 * first one on: claimed slots have entries in the tables. The backend maps memory at a claimed
 * slot when a heap needs it, and unmaps it afterwards. A claimed slot without memory may therefore
 * hold somebody else's mapping. The tables say of such a slot what they say of a hole: no memory
 * of ours.
 *
 * Claimed slots are divided into extents. An extent belongs to the pool that populates its slots;
 * after a fork, or when a pool is lost, its extents are left alone, and a new pool goes on in
 * others. Pools are counted, and the number of a pool is never used again. The first slot of an
 * extent holds what is known of the whole extent.
 */
#ifndef PN_ARENA_H
#define PN_ARENA_H

#include "os/assert.h"
#include "os/base.h"
#include "os/child.h"

/* The pool of slots that somebody else has mapped. They are never used. */
#define PN_POOL_NOBODY UINT32_MAX

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
 * @pool: number of the pool that may populate it, or has; 0 if there is none yet
 * @epoch: the fork generation that populated it
 * @run: for LARGE, slots of the object; for LARGE_TAIL, slots of it before this one
 * @prev: with @next, neighbours in the list that its state puts it into; slot + 1, 0 for none
 * @emptied_ms: for EMPTY, since when
 * @heap: whose it is, while it has memory
 * @free: for PAGES, a bit for each page
 * @fresh: pages that nobody has had since the slot was populated: they are zeros
 * @extent: the first slot of its extent
 * @extent_slots: in the first slot of an extent, how many slots the extent has
 * @mapped: in the first slot of an extent, number of the pool that has mapped all of the extent at
 *	once; 0 if none has
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
	uint32_t extent;
	uint32_t extent_slots;
	uint32_t mapped;
};

/**
 * struct pn_arena - what fast paths read
 * @base: first address
 * @size: bytes of claimed slots; grows, and is 0 before initialisation and without a backend
 * @phys: slot -> physical address + 1, 0 for none; wiped in a forked child
 * @slabs: page -> the slab that it belongs to, or the medium object that begins in it
 * @slots: slot -> its state
 * @epoch: fork generation; memory of another one is inherited, and not allocated from
 * @limit: bytes that can be claimed
 */
struct pn_arena {
	uintptr_t base;
	size_t size;
	uint64_t *phys;
	struct pn_slab **slabs;
	struct pn_slot *slots;
	uint32_t epoch;
	size_t limit;
};

extern struct pn_arena pn_arena;

static inline size_t pn_arena_offset(const void *ptr)
{
	return (uintptr_t)ptr - pn_arena.base;
}

/*
 * Returns the bytes that are claimed. Another thread may be claiming more. The entries of what it
 * claims are mapped before the size is stored, and are zeros until it hands out a pointer; whoever
 * has that pointer sees both. Whoever asks about another pointer gets the right answer from the old
 * size, from the new one, and from zeros. So the load needs no order, and an ordinary load is used:
 * compilers make two instructions of a comparison with an atomic one.
 */
static inline size_t pn_arena_size(void)
{
#ifdef PN_THREAD_SANITIZER
	return __atomic_load_n(&pn_arena.size, __ATOMIC_RELAXED);
#else
	return pn_arena.size;
#endif
}

static inline bool pn_arena_has(const void *ptr)
{
	return pn_arena_offset(ptr) < pn_arena_size();
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
 * A signal handler may fork just before the address is stored. The child's table is wiped by then,
 * and must stay so: the chunk is its parent's.
 */
static inline void pn_slot_set_phys(size_t slot, uint64_t phys)
{
	__atomic_store_n(&pn_arena.phys[slot], phys + 1, __ATOMIC_SEQ_CST);
	if (pn_unlikely(pn_child_is_new()))
		__atomic_store_n(&pn_arena.phys[slot], 0, __ATOMIC_RELEASE);
}

/* Chooses addresses and claims the first slots. Returns 0 or ENOMEM. */
int pn_arena_init(void);

/* Returns the number of slots that can be claimed. */
static inline size_t pn_arena_slot_limit(void)
{
	return pn_arena.limit >> PN_CHUNK_SHIFT;
}

/* Returns the number of slots that are claimed. Safe in signal handlers. */
static inline size_t pn_arena_slot_count(void)
{
	return __atomic_load_n(&pn_arena.size, __ATOMIC_ACQUIRE) >> PN_CHUNK_SHIFT;
}

/* Returns a number for a pool. */
uint32_t pn_arena_new_pool(void);
/* Returns the pool that a slot, claimed or not, may be populated from; 0 if it is nobody's yet. */
uint32_t pn_arena_owner(size_t slot);
/* Returns the slot after the extent of a claimed slot. */
size_t pn_arena_extent_end(size_t slot);

/**
 * struct pn_claims - what a pool has claimed; zeros at first
 * @pool: number of the pool that @slots is about
 * @slots: how many; the next extent is made about as large
 */
struct pn_claims {
	uint32_t pool;
	size_t slots;
};

/*
 * Makes the extents of these slots, each of which is nobody's or the pool's already, the pool's;
 * claims what is not claimed yet. Returns 0 or ENOSPC.
 */
int pn_arena_claim(size_t slot, size_t count, uint32_t pool, struct pn_claims *claims);
/* A pool has gone, and nothing of it is left: its extents are nobody's again. */
void pn_arena_disclaim(uint32_t pool);
/* Makes these slots, which are in one extent, an extent of their own. */
void pn_arena_divide(size_t slot, size_t count);

/*
 * Finds slots of a range that somebody else has mapped, and gives them to nobody. Returns false if
 * there are none.
 */
bool pn_arena_skip(size_t slot, size_t count);

/* Returns true if @ptr, which is in the arena, is in a mapping of somebody else. */
bool pn_arena_is_in_foreign(const void *ptr);

static inline bool pn_arena_is_foreign(const void *ptr)
{
	const struct pn_slot *slot = &pn_arena.slots[pn_arena_offset(ptr) >> PN_CHUNK_SHIFT];

	return pn_unlikely(__atomic_load_n(&slot->state, __ATOMIC_RELAXED) == PN_SLOT_HOLE) &&
	       pn_arena_is_in_foreign(ptr);
}

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

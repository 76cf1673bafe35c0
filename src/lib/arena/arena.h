/* SPDX-License-Identifier: MIT */
/*
 * The arena: virtual addresses that are divided into slots of one chunk each, and the tables that
 * say what is at an address. The heaps decide what a slot holds (slots.h, pages.h).
 *
 * The addresses are chosen at the start, but not mapped (window.h). Slots are claimed in the order
 * of their addresses, and only claimed slots have entries in the tables. The backend maps memory at
 * a claimed slot when a heap needs the slot, and unmaps the memory afterwards. Somebody else may
 * therefore map something at a claimed slot that has no memory. In the tables such a slot is a
 * hole, like every slot without memory of the library.
 *
 * Claimed slots are divided into regions. A region belongs to the pool that populates its slots.
 * After a fork, or when a pool is lost, the old pool's regions are left alone, and a new pool uses
 * other regions. Pools are numbered, and no number is used twice. The entry of a region's first
 * slot describes the whole region.
 */
#ifndef PN_ARENA_H
#define PN_ARENA_H

#include "os/assert.h"
#include "os/base.h"
#include "os/child.h"

/* The pool number of slots at which somebody else has mapped something. They are never used. */
#define PN_POOL_NOBODY UINT32_MAX

struct pn_heap;
struct pn_slab;

enum pn_slot_state {
	PN_SLOT_HOLE,  /* no memory */
	PN_SLOT_EMPTY, /* memory that holds nothing, kept for a while */
	PN_SLOT_PAGES, /* divided into page runs */
	PN_SLOT_LARGE, /* first slot of a large object */
	PN_SLOT_LARGE_TAIL,
	PN_SLOT_RAW,	 /* handed to another allocator */
	PN_SLOT_LEAVING, /* memory that holds nothing, about to be given back */
};

/* A byte for each object. A larger value counts how often the object is retained: see retain.h. */
enum pn_object_state {
	PN_OBJECT_NEVER, /* not handed out since its slab or chunk was set up */
	PN_OBJECT_LIVE,
	PN_OBJECT_FREED, /* free, in the slab or in a thread's cache */
};

#define PN_PAGE_WORDS (PN_CHUNK_PAGES / 64)

/**
 * struct pn_slot - the entry of a slot
 * @state: enum pn_slot_state
 * @object: enum pn_object_state of the last large object that began in this slot
 * @longest: for PAGES, the length of the longest free page run
 * @pool: number of the pool that may populate the slot, or has populated it; 0 for none yet
 * @epoch: the fork generation that populated the slot
 * @run: for LARGE, number of slots of the object; for LARGE_TAIL, number of the object's slots
 *	before this one
 * @prev: with @next, neighbours in the list for slots of this state: slot + 1, or 0 for none
 * @emptied_ms: for EMPTY, the time at which the slot became EMPTY
 * @heap: the heap that the slot belongs to while it has memory
 * @free: for PAGES, a bit for each page, set if the page is free
 * @fresh: a bit for each page, set if nobody has used the page since the slot was populated, so
 *	that the page contains only zeros
 * @region: the first slot of the slot's region
 * @region_slots: in the first slot of a region, the number of slots of the region
 * @mapped: in the first slot of a region, number of the pool that has mapped the whole region; 0
 *	if none has
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
	uint32_t region;
	uint32_t region_slots;
	uint32_t mapped;
};

/**
 * struct pn_arena - the variables of the arena that fast paths read
 * @base: first address
 * @size: bytes of claimed slots; grows, and is 0 before initialisation and without a backend
 * @phys: for each slot, the physical address + 1, or 0 for none; the kernel wipes it in a forked
 *	child
 * @slabs: for each page, the slab that contains the page, or the medium object that begins in it;
 *	see medium.c for further entries of medium objects
 * @slots: for each slot, its entry
 * @epoch: fork generation; memory of an earlier generation is inherited, and not allocated from
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
 * Returns the bytes that are claimed. Another thread may be claiming more slots. It maps their
 * entries before it stores the size, and the entries are zeros until it hands out a pointer into
 * the slots. A thread that has received such a pointer sees the entries and the size. For any other
 * pointer the old size, the new size and zeros all lead to the right answer. The load therefore
 * needs no order. It is an ordinary load, because compilers make two instructions of a comparison
 * with an atomic load.
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

/* Stores a slot's state, atomically: pinned_owns() reads states without the lock. */
static inline void pn_slot_set_state(struct pn_slot *slot, enum pn_slot_state state)
{
	__atomic_store_n(&slot->state, (uint8_t)state, __ATOMIC_RELAXED);
}

/*
 * Stores a slot's physical address; PN_PHYS_UNKNOWN removes it. A signal handler may fork just
 * before the store. The child's table is then wiped already and must stay wiped, because the chunk
 * belongs to the parent; therefore a new child stores 0 again.
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

/* Returns a number for a new pool. */
uint32_t pn_arena_new_pool(void);
/* Returns the number of the pool that a slot, claimed or not, belongs to; 0 if it is unowned. */
uint32_t pn_arena_owner(size_t slot);
/* Returns the first slot after the region that contains a claimed slot. */
size_t pn_arena_region_end(size_t slot);

/**
 * struct pn_claims - how much a pool has claimed; zeros at first
 * @pool: number of the pool
 * @slots: how many slots the pool has claimed; its next region is made about as large
 */
struct pn_claims {
	uint32_t pool;
	size_t slots;
};

/*
 * Assigns the regions of @count slots from @slot on to @pool; each region must be unowned or
 * already belong to the pool. Claims those slots that are not claimed yet. Returns 0 or ENOSPC.
 */
int pn_arena_claim(size_t slot, size_t count, uint32_t pool, struct pn_claims *claims);
/* Makes the regions of a pool unowned again, after all its memory has been unmapped. */
void pn_arena_disclaim(uint32_t pool);
/* Divides a region, so that @count slots of it from @slot on become a region of their own. */
void pn_arena_divide(size_t slot, size_t count);

/*
 * Finds those of @count slots from @slot on at which somebody else has mapped something, and
 * assigns them to PN_POOL_NOBODY. Returns false if there are none.
 */
bool pn_arena_exclude_foreign(size_t slot, size_t count);

/* Returns true if @ptr, which points to a hole of the arena, is in somebody else's mapping. */
bool pn_arena_is_in_foreign(const void *ptr);

/* Returns true if @ptr, which points into the arena, is in somebody else's mapping. */
static inline bool pn_arena_is_foreign(const void *ptr)
{
	const struct pn_slot *slot = &pn_arena.slots[pn_arena_offset(ptr) >> PN_CHUNK_SHIFT];

	return pn_unlikely(__atomic_load_n(&slot->state, __ATOMIC_RELAXED) == PN_SLOT_HOLE) &&
	       pn_arena_is_in_foreign(ptr);
}

/* Acquires the lock that covers the slots and pages of all heaps. */
void pn_arena_lock(void);
/* Acquires that lock while the thread may hold other locks. Return: as pn_lock_inside(). */
bool pn_arena_lock_inside(void) __attribute__((warn_unused_result));
/* Acquires the lock if it is free. Return: false if it is not. */
bool pn_arena_lock_try(void);
void pn_arena_unlock(void);
/* Releases the lock in the middle of a section: see pn_lock_pause(). */
void pn_arena_pause(void);
/* Acquires the lock again. Return: as pn_lock_resume(). */
bool pn_arena_resume(void) __attribute__((warn_unused_result));
/* In a forked child: makes the lock free. */
void pn_arena_reset_lock(void);
/* Return: true if the calling thread holds the lock. For assertions. */
bool pn_arena_lock_is_held(void);
#define pn_arena_assert_held() pn_assert(pn_arena_lock_is_held())

#endif /* PN_ARENA_H */

/* SPDX-License-Identifier: MIT */
/*
 * The arena: one reserved range of virtual addresses, divided into slots of one
 * chunk each. It gets chunks from the backend and gives out two things: runs of
 * units, for slabs, and runs of whole slots, for large objects.
 */
#ifndef PN_ARENA_H
#define PN_ARENA_H

#include "base.h"
#include "config.h"

/* The arena is populated in extents; after a fork or a lost pool the next unused one begins. */
#define PN_EXTENTS_MAX 1024

struct pn_slab;

enum pn_slot_state {
	PN_SLOT_HOLE,  /* no memory */
	PN_SLOT_EMPTY, /* memory that holds nothing, kept for a while */
	PN_SLOT_SLABS, /* cut into slabs */
	PN_SLOT_LARGE, /* first of a large object */
	PN_SLOT_LARGE_TAIL,
};

/**
 * struct pn_slot - what the arena knows of a slot
 * @state: enum pn_slot_state
 * @was_large: a large object began here, and was freed
 * @pool: the backend's pool, counted, that populated it
 * @epoch: the fork generation that populated it
 * @free_units: for SLABS, one bit each
 * @run: for LARGE, slots of the object
 * @prev: with @next, neighbours in the list that its state puts it into; slot + 1, 0 for none
 * @emptied_ms: for EMPTY, since when
 */
struct pn_slot {
	uint8_t state;
	bool was_large;
	uint16_t pool;
	uint32_t epoch;
	uint32_t free_units;
	uint32_t run;
	uint32_t prev;
	uint32_t next;
	uint64_t emptied_ms;
};

/**
 * struct pn_arena - what fast paths read; written at initialisation and in forked children only
 * @base: first address
 * @size: bytes; 0 before initialisation and without a backend
 * @phys: slot -> physical address + 1, 0 for none; wiped in a forked child
 * @slabs: unit -> the slab it belongs to
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

/*
 * Reserve addresses and open the first backend of @kinds that works (a list that
 * ends with PN_BACKEND_AUTO). Return: its errno, of the last one tried, or 0.
 */
int pn_arena_init(const struct pn_config *config, const enum pn_backend_kind *kinds);
const char *pn_arena_backend_name(void);
size_t pn_arena_extent_slots(void);
/* Slots from here on have no memory. */
size_t pn_arena_used_slots(void);

/* @units, a power of two up to a chunk's, aligned to it. Return: first unit, SIZE_MAX without memory. */
size_t pn_arena_take_units(size_t units);
void pn_arena_give_units(size_t first, size_t units);

/*
 * A large object of @count slots whose first is a multiple of @alignment slots.
 * *is_zeroed tells whether all of it is fresh. Return: first slot, SIZE_MAX without memory.
 */
size_t pn_arena_take_slots(size_t count, size_t alignment, bool *is_zeroed);
/* The @count last of a large object's slots; all of them end it. */
void pn_arena_give_slots(size_t first, size_t count);

/* Give empty chunks back now. Return: how many. */
size_t pn_arena_purge(void);

struct pn_arena_stats {
	uint64_t chunks;
	uint64_t peak_chunks;
	uint64_t empty_chunks;
	uint64_t large_chunks;
	uint64_t populate_calls;
	uint64_t punch_calls;
};

struct pn_arena_stats pn_arena_get_stats(void);

void pn_arena_lock(void);
void pn_arena_unlock(void);
/* In the parent, after fork; the lock is held. */
void pn_arena_after_fork(void);
/* In a forked child: make the lock new, disown what is the parent's. */
void pn_arena_in_child(void);

#endif /* PN_ARENA_H */

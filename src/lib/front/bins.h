/* SPDX-License-Identifier: MIT */
/*
 * The bins of a thread's cache: stacks of free objects, how many objects each may hold, and giving
 * objects back. The thread alone calls these functions for its cache.
 */
#ifndef PN_BINS_H
#define PN_BINS_H

#include "object/medium.h"
#include "object/owner.h"

/* Bins: one for each class, those of medium objects, and for each class one of others' objects. */
#define PN_BIN_MEDIUM PN_CLASSES
#define PN_BIN_OTHERS (PN_BIN_MEDIUM + PN_MEDIUM_BINS)
#define PN_BINS (PN_BIN_OTHERS + PN_CLASSES)

/**
 * struct pn_bin - one stack
 * @count: objects in it
 * @room: how many it may have; 0 before its first use, and in a thread that has no cache
 * @objects: the stack, newest last
 */
struct pn_bin {
	uint32_t count;
	uint32_t room;
	struct pn_free *objects;
};

/**
 * struct pn_tcache - a thread's cache
 * @bins: the stacks; first, for the fast paths
 * @owner: the thread's slabs
 * @medium_bytes: in medium objects
 * @capacity: objects that each bin's stack is long enough for
 * @granted: bytes that the rooms of all bins make
 * @misses: slow paths since the last look for bins that are not used
 * @was_used: bins that had one since then
 * @was_full: bins whose last one was for a free
 * @owns_at_once: the thread owns slabs from its first object on
 * @needed: by class, objects that the thread needed before it owned slabs, up to some
 * @prev: with @next, neighbours in the list of all caches, or of unused ones
 */
struct pn_tcache {
	struct pn_bin bins[PN_BINS];
	struct pn_owner owner;
	uint16_t capacity[PN_BINS];
	size_t medium_bytes;
	size_t granted;
	uint32_t misses;
	bool was_used[PN_BINS];
	bool was_full[PN_BINS];
	bool owns_at_once;
	uint16_t needed[PN_CLASSES];
	struct pn_tcache *prev;
	struct pn_tcache *next;
};

/* Only the owner writes the count, but pn_tcache_bytes() reads it: a plain store, said so. */
static inline void pn_bin_set_count(struct pn_bin *bin, uint32_t count)
{
	__atomic_store_n(&bin->count, count, __ATOMIC_RELAXED);
}

/* A live object from a bin, or NULL. */
static inline void *pn_bin_pop(struct pn_bin *bin)
{
	uint32_t count = bin->count;
	const struct pn_free *newest;

	if (pn_unlikely(!count))
		return NULL;
	newest = &bin->objects[count - 1];
	pn_assert(count <= bin->room && pn_free_is_valid(newest));
	pn_bin_set_count(bin, count - 1);
	pn_free_set_live(newest);
	return newest->object;
}

/* Return: false if there is no room. The object is not live any more. */
static inline bool pn_bin_push(struct pn_bin *bin, void *object, uint8_t *state)
{
	uint32_t count = bin->count;

	if (pn_unlikely(count >= bin->room))
		return false;
	pn_assert(pn_slab_at(pn_arena_offset(object))->heap == &pn_heap);
	bin->objects[count] = (struct pn_free){ object, state };
	pn_bin_set_count(bin, count + 1);
	return true;
}

/* Bytes that a bin is filled with at once. */
#define PN_BATCH_BYTES ((size_t)32 << 10)

/* Returns how many objects of @size bytes are in @bytes, at least 1 and at most @most. */
static inline uint32_t pn_bin_within(size_t bytes, size_t size, uint32_t most)
{
	size_t count = bytes / size;

	return count < 1 ? 1 : count > most ? most : (uint32_t)count;
}

/* Only the owner writes it, but pn_tcache_bytes() reads it. */
static inline void pn_bin_count_medium(struct pn_tcache *cache, size_t bytes)
{
	__atomic_store_n(&cache->medium_bytes, cache->medium_bytes + bytes, __ATOMIC_RELAXED);
}

static inline size_t pn_bin_medium_size(const void *object)
{
	return pn_slab_at(pn_arena_offset(object))->size;
}

/* Gives the @count oldest objects of a bin back; the newer ones are warm. */
void pn_bin_flush_oldest(struct pn_tcache *cache, unsigned int index, uint32_t count);
/* Gives all objects of all bins back. Returns false if there were none. */
bool pn_bin_flush_all(struct pn_tcache *cache);

/* A bin ran full, or else empty. Returns true if it did the other thing before. */
bool pn_bin_has_turned(struct pn_tcache *cache, unsigned int index, bool is_full);
/*
 * Lets a bin hold more. Each bin may have its first room. A thread that only allocates, or only frees
 * what others allocate, gains nothing by more room than some batches need; a thread that does both in
 * turn needs no slabs once all its objects fit. Returns false if the room stays as it is.
 */
bool pn_bin_grow(struct pn_tcache *cache, unsigned int index, bool is_in_turn);
void pn_bin_set_room(struct pn_tcache *cache, unsigned int index, uint32_t room);
/* Notes that a bin was used, and now and then takes room from bins that were not. */
void pn_bin_missed(struct pn_tcache *cache, unsigned int index);

/* In a forked child: no thread has any room. */
void pn_bin_in_child(void);

#endif /* PN_BINS_H */

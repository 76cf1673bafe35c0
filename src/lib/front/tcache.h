/* SPDX-License-Identifier: MIT */
/*
 * Thread caches: for each bin - a class, or medium objects of about one size - a
 * stack of free objects, which malloc and free use without a lock. How many a
 * stack may hold follows its use, within what a thread and all together may hold.
 */
#ifndef PN_TCACHE_H
#define PN_TCACHE_H

#include "object/medium.h"

/* A bin for each class of the default heap, PN_BIN_NONE, then those of its medium objects. */
#define PN_BIN_MEDIUM (PN_BIN_NONE + 1)
#define PN_BINS (PN_BIN_MEDIUM + PN_MEDIUM_BINS)

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
 * @bins: the stacks
 * @epoch: the fork generation that made it; one of another is left, and no thread's
 * @medium_bytes: in medium objects
 * @capacity: objects that each bin's stack is long enough for
 * @granted: bytes that the rooms of all bins make
 * @misses: slow paths since the last look for bins that are not used
 * @was_used: bins that had one since then
 * @was_full: bins whose last one was for a free
 * @prev: with @next, neighbours in the list of all caches, or of unused ones
 */
struct pn_tcache {
	struct pn_bin bins[PN_BINS];
	uint16_t capacity[PN_BINS];
	uint32_t epoch;
	size_t medium_bytes;
	size_t granted;
	uint32_t misses;
	bool was_used[PN_BINS];
	bool was_full[PN_BINS];
	struct pn_tcache *prev;
	struct pn_tcache *next;
};

/*
 * Initial-exec: the fast path costs one load. 8 bytes of the static TLS that
 * libraries loaded later must share. Never NULL.
 */
extern __thread struct pn_tcache *pn_tcache __attribute__((tls_model("initial-exec")));

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

/*
 * The same from the thread's cache. A signal handler may fork meanwhile; in the child this goes on with
 * the cache that it has in hand, which is nobody's there, and returns an inherited object.
 */
static inline void *pn_tcache_pop(unsigned int index)
{
	return pn_bin_pop(&pn_tcache->bins[index]);
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

/* The same into the thread's cache. */
static inline bool pn_tcache_push(unsigned int index, void *object, uint8_t *state)
{
	return pn_bin_push(&pn_tcache->bins[index], object, state);
}

/*
 * For what must see every malloc and free: no thread gets a cache, and all calls take the
 * slow paths. Before the first allocation.
 */
void pn_tcache_disable(void);

/* The process is about to call dlopen(): threads that begin from now on need no lock of its. */
void pn_tcache_expect_dlopen(void);

/* What malloc does when the cache has none of a class. Return: a live object, or NULL without memory. */
void *pn_tcache_refill(unsigned int class);
/* A cached medium object that has @size bytes, or not many more. Return: live; NULL if there is none. */
void *pn_tcache_pop_medium(size_t size);
/* Cache a medium object, which is not live any more, or free it. */
void pn_tcache_push_medium(struct pn_slab *object);
/* What free does when the cache has no room: make some, and push. */
void pn_tcache_overflow(unsigned int index, void *object, uint8_t *state);
/* Give the calling thread's cached objects back. Return: false if there were none. */
bool pn_tcache_flush(void);

/**
 * struct pn_tcache_census - what all threads' caches hold
 * @caches: how many there are
 * @medium_bytes: in medium objects
 * @objects: by class
 */
struct pn_tcache_census {
	uint64_t caches;
	uint64_t medium_bytes;
	uint64_t objects[PN_CLASSES];
};

void pn_tcache_count(struct pn_tcache_census *census);
/* Bytes in free objects that caches hold. */
uint64_t pn_tcache_bytes(void);

/* In a forked child: forgets all caches, the thread's own too. */
void pn_tcache_in_child(void);

#endif /* PN_TCACHE_H */

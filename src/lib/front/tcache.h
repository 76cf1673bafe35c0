/* SPDX-License-Identifier: MIT */
/*
 * Thread caches: for each bin - a class, or medium objects of about one size - a stack of free
 * objects, which malloc and free use without a lock. How many objects a stack may hold follows its
 * use, within what a thread and all threads together may hold.
 *
 * The stack of a class holds objects of the thread's own slabs (owner.h), so that no two threads
 * write to the states of one slab's objects while they allocate and free. What a thread frees of
 * other slabs waits in a second stack of the class, until it goes back to these slabs.
 */
#ifndef PN_TCACHE_H
#define PN_TCACHE_H

#include "front/bins.h"

/*
 * Initial-exec: the fast path costs one load. 8 bytes of the static TLS that
 * libraries loaded later must share. Never NULL.
 */
extern __thread struct pn_tcache *pn_tcache __attribute__((tls_model("initial-exec")));

/*
 * The same from the thread's cache. A signal handler may fork meanwhile; in the child this goes on with
 * the cache that it has in hand, which is nobody's there, and returns an inherited object.
 */
static inline void *pn_tcache_pop(unsigned int index)
{
	return pn_bin_pop(&pn_tcache->bins[index]);
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
/* Caches a slab's object, which is not live any more, or gives it back: free's slow path. */
void pn_tcache_free(struct pn_slab *slab, void *object, uint8_t *state);
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

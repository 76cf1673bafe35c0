/* SPDX-License-Identifier: MIT */
/*
 * Thread caches: for each class a stack of free objects, which malloc and free
 * use without a lock, and which is filled from and emptied into the slabs half a
 * stack at a time.
 */
#ifndef PN_TCACHE_H
#define PN_TCACHE_H

#include "slab.h"

/**
 * struct pn_bin - the stack of one class
 * @count: objects in it
 * @room: how many fit; 0 in a thread that has no cache (yet, or any more)
 * @objects: the stack, newest last
 */
struct pn_bin {
	uint32_t count;
	uint32_t room;
	void **objects;
};

/**
 * struct pn_tcache - a thread's cache
 * @bins: by class
 * @prev: with @next, neighbours in the list of all caches, or of unused ones
 */
struct pn_tcache {
	struct pn_bin bins[PN_CLASSES];
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

/* A live object from the cache, or NULL. */
static inline void *pn_tcache_pop(unsigned int class)
{
	struct pn_bin *bin = &pn_tcache->bins[class];
	uint32_t count = bin->count;
	void *object;

	if (pn_unlikely(!count))
		return NULL;
	object = bin->objects[count - 1];
	pn_bin_set_count(bin, count - 1);
	pn_slab_set_live(object);
	return object;
}

/* Return: false if there is no room. The object is not live any more. */
static inline bool pn_tcache_push(unsigned int class, void *object)
{
	struct pn_bin *bin = &pn_tcache->bins[class];
	uint32_t count = bin->count;

	if (pn_unlikely(count >= bin->room))
		return false;
	bin->objects[count] = object;
	pn_bin_set_count(bin, count + 1);
	return true;
}

/* What malloc does when the cache has none: fill it. Return: a live object, or NULL without memory. */
void *pn_tcache_refill(unsigned int class);
/* What free does when the cache has no room: make some, and push. */
void pn_tcache_overflow(unsigned int class, void *object);
/* Give the calling thread's cached objects back to the slabs. */
void pn_tcache_flush(void);

/* Bytes in free objects that caches hold. */
uint64_t pn_tcache_bytes(void);

void pn_tcache_lock(void);
void pn_tcache_unlock(void);
/* In a forked child: forget the other threads' caches, and with @is_inherited one's own objects. */
void pn_tcache_in_child(bool is_inherited);

#endif /* PN_TCACHE_H */

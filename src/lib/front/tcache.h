/* SPDX-License-Identifier: MIT */
/*
 * Thread caches. For each bin - a class, or medium objects of about one size - a thread has a stack
 * of free objects, which malloc and free use without a lock. How many objects a stack may hold
 * follows its use, up to limits for one thread and for all threads together.
 *
 * The stack of a class contains objects of the thread's own slabs (owner.h), so that no two threads
 * write to the states of one slab's objects while they allocate and free. An object of another slab
 * that the thread frees goes onto a second stack of the class, until it goes back to its slab.
 */
#ifndef PN_TCACHE_H
#define PN_TCACHE_H

#include "front/bins.h"

/*
 * The calling thread's cache; never NULL. The initial-exec TLS model makes the fast path one load,
 * and costs 8 bytes of the static TLS that all libraries loaded later share.
 */
extern __thread struct pn_tcache *pn_tcache __attribute__((tls_model("initial-exec")));

/*
 * Takes an object out of a bin of the thread's cache, as pn_bin_pop(). A signal handler may fork
 * while this runs. Then, in the child, this function goes on with the cache whose address it has
 * loaded, which belongs to no thread of the child, and returns an inherited object.
 */
static inline void *pn_tcache_pop(unsigned int index)
{
	return pn_bin_pop(&pn_tcache->bins[index]);
}

/*
 * Takes an object of @class, as pn_tcache_pop(). Return: NULL also if somebody has written to the
 * object's mark since the object was freed; the process dies in pn_tcache_refill() then.
 */
static inline void *pn_tcache_pop_checked(unsigned int class)
{
	struct pn_bin *bin = &pn_tcache->bins[class];
	uint32_t count = bin->count;

	if (pn_unlikely(!count) ||
	    (pn_class_has_gaps(class) && !pn_mark_is_intact(bin->objects[count - 1].object)))
		return NULL;
	return pn_bin_pop(bin);
}

/* Puts an object into a bin of the thread's cache, as pn_bin_push(). */
static inline bool pn_tcache_push(unsigned int index, void *object, uint8_t *state)
{
	return pn_bin_push(&pn_tcache->bins[index], object, state);
}

/*
 * Turns thread caches off, for features that must see every malloc and free: no thread gets a
 * cache, and all calls take the slow paths. Call this before the first allocation.
 */
void pn_tcache_disable(void);

/*
 * Prepares for the process's first dlopen(): threads that begin from now on need no lock of the
 * dynamic linker for their caches. Call this before every dlopen(); later calls do nothing.
 */
void pn_tcache_expect_dlopen(void);

/*
 * Allocates an object of @class when its bin is empty: refills the bin if the thread has a cache.
 * Return: a live object; NULL if there is no memory.
 */
void *pn_tcache_refill(unsigned int class);
/*
 * Takes a medium object of @size bytes, or up to a quarter more, out of the thread's cache. Return:
 * the live object; NULL if there is none.
 */
void *pn_tcache_pop_medium(size_t size);
/* Caches a medium object, which is not live any more, or gives its memory back. */
void pn_tcache_push_medium(struct pn_slab *object);
/*
 * The slow path of free: caches an object of @slab, which is not live any more, or gives it back to
 * the slab.
 */
void pn_tcache_free(struct pn_slab *slab, void *object, uint8_t *state);
/*
 * Gives back all objects in the calling thread's cache, the medium objects in the caches of all
 * threads, and those slabs without used objects that belong to the calling thread or to nobody.
 * Return: false if there was nothing to give back.
 */
bool pn_tcache_flush(void);

/*
 * A thread calls this after each few thousand frees. If enough time has passed since the last time,
 * gives back half of what the thread's unused bins hold, and looks for idle chunks of the default
 * heap that have decayed: the caller then gives these back by pn_idle_give_due().
 */
void pn_tcache_tidy(void);

/**
 * struct pn_tcache_census - what the caches of all threads contain
 * @caches: number of caches
 * @medium_bytes: bytes in medium objects
 * @objects: by class, number of objects
 */
struct pn_tcache_census {
	uint64_t caches;
	uint64_t medium_bytes;
	uint64_t objects[PN_CLASSES];
};

/* Counts the contents of all caches. Acquires the lock of the list of caches. */
void pn_tcache_count(struct pn_tcache_census *census);
/* Returns the bytes in all objects that pn_tcache_count() counts. */
uint64_t pn_tcache_bytes(void);

/* In a forked child: forgets all caches, the thread's own too. */
void pn_tcache_in_child(void);

#endif /* PN_TCACHE_H */

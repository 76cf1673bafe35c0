/* SPDX-License-Identifier: MIT */
/*
 * Allocating and freeing. The most frequent paths are inline here, for the entry points of the
 * library and of the shim.
 */
#ifndef PN_ALLOC_H
#define PN_ALLOC_H

#include "front/tcache.h"
#include "object/object.h"
#include "os/assert.h"

/*
 * These functions return NULL if there is no memory or no backend, and leave errno to the caller.
 */
void *pn_alloc_slow(size_t size);
void *pn_alloc_aligned(size_t alignment, size_t size);
void *pn_alloc_zeroed(size_t size);
/*
 * Allocates from @heap; @alignment is a power of two. *is_zeroed tells whether the whole object is
 * zeros.
 */
void *pn_alloc_in(struct pn_heap *heap, size_t alignment, size_t size, bool *is_zeroed);
/*
 * Resizes the object at @ptr, which is in the arena, to @size bytes, which is not 0. Returns the
 * object or its replacement; NULL on failure, and then the old object is unchanged.
 */
void *pn_realloc(void *ptr, size_t size);

/*
 * Frees the live object @index of @slab, which begins at @ptr. pn_free() calls this if the thread
 * does not own the slab, if there are gaps between the slab's objects, if the thread's cache has no
 * room for the object, or if it is time to look at the clock.
 */
void pn_free_live(void *ptr, struct pn_slab *slab, size_t index);
/*
 * The slow path of pn_free(): frees the live object that begins at @ptr, or memory of another
 * allocator by pn_flavour.free_foreign(). Dies if @ptr is neither. Preserves errno.
 */
void pn_free_slow(void *ptr);
/*
 * Frees the memory of an object that was freed while it was retained. Whoever releases the object
 * last calls this. Preserves errno.
 */
void pn_free_released(const struct pn_object *object);
/*
 * Frees the live object that begins at @ptr. Dies, naming @caller, if no live object begins there,
 * or if no request of that size and alignment gets such an object.
 */
void pn_free_sized(void *ptr, size_t alignment, size_t size, const char *caller);
/*
 * Returns the usable bytes of the live object that begins at @ptr. Dies, naming @caller, if there
 * is none.
 */
size_t pn_size_of(const void *ptr, const char *caller);

/* Returns how many allocations have found no memory. */
uint64_t pn_alloc_failures(void);

/*
 * Returns an object from the thread's cache, or NULL; then the caller calls pn_alloc_slow(). This
 * function tests the size once and the stack once: a size of 0 wraps around to a large one, and
 * pn_alloc_slow() handles 0.
 */
static inline void *pn_alloc_cached(size_t size)
{
	if (pn_likely(size - 1 < PN_STEP_LIMIT))
		return pn_tcache_pop(pn_class_of(size));
	return size - 1 < PN_SMALL_MAX ? pn_tcache_pop_checked(pn_class_of(size)) : NULL;
}

/*
 * Returns an object with the alignment @alignment, a power of two, from the thread's cache, or
 * NULL; then the caller calls pn_alloc_aligned().
 */
static inline void *pn_alloc_aligned_cached(size_t alignment, size_t size)
{
	if (pn_unlikely(size - 1 >= PN_SMALL_MAX || alignment > PN_SMALL_MAX))
		return NULL;
	return pn_tcache_pop(pn_class_aligned(size, alignment));
}

static inline void *pn_alloc(size_t size)
{
	void *object = pn_alloc_cached(size);

	return pn_likely(object) ? object : pn_alloc_slow(size);
}

/*
 * Marks an object as freed; the caller has seen that it was live. If another thread retained the
 * object after that, this store would erase the retain. Callers of pinned_retain() exclude such a
 * race, and with PN_CHECKS an assertion finds those that do not.
 */
static inline void pn_slab_set_freed(struct pn_slab *slab, size_t index)
{
#if PN_CHECKS
	bool is_still_live = __atomic_exchange_n(&slab->state[index], PN_OBJECT_FREED,
						 __ATOMIC_RELAXED) == PN_OBJECT_LIVE;

	pn_assert(is_still_live);
#else
	pn_slab_set_state(slab, index, PN_OBJECT_FREED);
#endif
}

/*
 * Frees the object at @ptr, which is in the arena. The inline path handles a live object of a slab
 * that this thread owns, while the thread's cache has room. (No thread of this process owns a slab
 * that the process inherited, or a slab of a heap other than the default one.) pn_free_live() and
 * pn_free_slow() handle everything else, and pn_free_slow() dies if no live object begins at @ptr.
 */
static inline void pn_free(void *ptr)
{
	size_t offset = pn_arena_offset(ptr);
	struct pn_slab *slab = pn_slab_at(offset);
	struct pn_tcache *cache = pn_tcache;
	size_t index;

	if (pn_unlikely(!slab)) {
		pn_free_slow(ptr);
		return;
	}
	index = pn_slab_index(slab, offset);
	if (pn_unlikely(!pn_slab_is_start(slab, index, offset) ||
			pn_slab_state(slab, index) != PN_OBJECT_LIVE))
		pn_free_slow(ptr);
	else if (pn_likely(pn_slab_fast_owner(slab) == &cache->owner && --cache->frees &&
			   pn_bin_push(&cache->bins[slab->class], ptr, &slab->state[index])))
		pn_slab_set_freed(slab, index);
	else
		pn_free_live(ptr, slab, index);
}

#endif /* PN_ALLOC_H */

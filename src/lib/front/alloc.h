/* SPDX-License-Identifier: MIT */
/*
 * Allocating and freeing: the paths that run most stand here, inline, for the
 * library's own entry points and for the shim's.
 */
#ifndef PN_ALLOC_H
#define PN_ALLOC_H

#include "front/tcache.h"
#include "object/object.h"
#include "os/assert.h"

/* All return NULL without memory, or without a backend, and leave errno to the caller. */
void *pn_alloc_slow(size_t size);
void *pn_alloc_aligned(size_t alignment, size_t size);
void *pn_alloc_zeroed(size_t size);
/* In a heap; @alignment is a power of two. *is_zeroed tells whether all of it is fresh. */
void *pn_alloc_in(struct pn_heap *heap, size_t alignment, size_t size, bool *is_zeroed);
/* @size is not 0 and @ptr is in the arena; on failure @ptr stays as it is. */
void *pn_realloc(void *ptr, size_t size);

/*
 * Frees the live object @index, which begins at @ptr, of a slab that is not this thread's, or that
 * its cache has no room for.
 */
void pn_free_live(void *ptr, struct pn_slab *slab, size_t index);
/* Slow, or in error: frees @ptr, which is in the arena, or dies. Preserves errno. */
void pn_free_slow(void *ptr);
/* The last one that retained a freed object, which it was given as, lets it go. */
void pn_free_released(const struct pn_object *object);
/* The same, and dies, naming @caller, if a request of that size and alignment gets no such object. */
void pn_free_sized(void *ptr, size_t alignment, size_t size, const char *caller);
/* Bytes of the live object that begins at @ptr; or dies, naming @caller. */
size_t pn_size_of(const void *ptr, const char *caller);

/* How often an allocation has ended without memory. */
uint64_t pn_alloc_failures(void);

/*
 * What the thread has cached, or NULL; then ask pn_alloc_slow(). One test of the
 * size, one of the stack. A size of 0 wraps around, and is treated apart with the
 * large ones.
 */
static inline void *pn_alloc_cached(size_t size)
{
	return pn_likely(size - 1 < PN_SMALL_MAX) ? pn_tcache_pop(pn_class_of(size)) : NULL;
}

/* The same for @alignment, a power of two; then ask pn_alloc_aligned(). */
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
 * Marks an object as freed that was live when the caller looked. Another thread that retains the
 * object in between would retain nothing; the callers of pinned_retain() exclude this, and checks
 * that are compiled in find those that do not.
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
 * Frees an object that is live and begins at @ptr, if its slab is this thread's own and the cache has
 * room. A slab that the process inherited belongs to no thread of it, nor does a slab of another
 * heap than the default one. All else is for pn_free_slow().
 */
static inline void pn_free(void *ptr)
{
	size_t offset = pn_arena_offset(ptr);
	struct pn_slab *slab = pn_slab_at(offset);
	size_t index;

	if (pn_unlikely(!slab)) {
		pn_free_slow(ptr);
		return;
	}
	index = pn_slab_index(slab, offset);
	if (pn_unlikely(!pn_slab_is_start(slab, index, offset) ||
			pn_slab_state(slab, index) != PN_OBJECT_LIVE))
		pn_free_slow(ptr);
	else if (pn_likely(pn_slab_owner(slab) == &pn_tcache->owner &&
			   pn_tcache_push(slab->class, ptr, &slab->state[index])))
		pn_slab_set_freed(slab, index);
	else
		pn_free_live(ptr, slab, index);
}

#endif /* PN_ALLOC_H */

// SPDX-License-Identifier: MIT
/* Allocating and freeing: the paths that run rarely. */
#include "front/alloc.h"

#include <errno.h>
#include <string.h>

#include "front/harden.h"
#include "front/heaps.h"
#include "front/runtime.h"
#include "object/inherited.h"
#include "object/large.h"
#include "object/retain.h"
#include "os/die.h"
#include "os/probe.h"
#include "os/watch.h"
#include "profile/profile.h"

static uint64_t failures;
PN_WATCH_VARIABLE(failures, failures);

uint64_t pn_alloc_failures(void)
{
	return __atomic_load_n(&failures, __ATOMIC_RELAXED);
}

static void *count(void *object, size_t size)
{
	if (object) {
		pn_profile_allocated(object, size);
	} else {
		__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
		PN_PROBE1(failure, size);
	}
	return object;
}

static bool is_usable(void)
{
	return !pn_runtime_enter()->error;
}

static void *alloc_class(unsigned int class)
{
	void *object = pn_tcache_pop(class);

	return object ? object : pn_tcache_refill(class);
}

/* More than the largest class, and not from the cache. */
static void *alloc_runs(size_t size, bool *is_zeroed)
{
	if (size <= PN_CHUNK_SIZE)
		return pn_medium_alloc(&pn_heap, size, 1, is_zeroed);
	return pn_large_alloc(&pn_heap, size, 1, is_zeroed);
}

static void *alloc_plain(size_t size, bool *is_zeroed)
{
	if (size > PN_SMALL_MAX)
		return alloc_runs(size, is_zeroed);
	*is_zeroed = false;
	return alloc_class(pn_class_of(size ? size : 1));
}

/* Memory that is short may be in this thread's cache, as objects of other sizes, or wait. */
static bool flush(void)
{
	bool was_cached = pn_tcache_flush();

	return pn_harden_flush() || was_cached;
}

/*
 * Also in a child that a signal handler forked in the middle of the allocation: that one goes no
 * further than the lock that it holds (lock.h).
 */
static bool may_succeed_now(void)
{
	bool was_forked = pn_child_is_new();

	return is_usable() && (flush() || was_forked);
}

static void *alloc_or_flush(size_t size, bool *is_zeroed)
{
	void *object = NULL;

	if (is_usable()) {
		object = alloc_plain(size, is_zeroed);
		if (!object && may_succeed_now())
			object = alloc_plain(size, is_zeroed);
	}
	return count(object, size);
}

void *pn_alloc_slow(size_t size)
{
	bool is_zeroed;
	void *object;

	if (size > PN_SMALL_MAX && size <= PN_CHUNK_SIZE) {
		object = pn_tcache_pop_medium(size);
		if (object)
			return object;
	}
	return alloc_or_flush(size, &is_zeroed);
}

static void *alloc_aligned_runs(struct pn_heap *heap, size_t alignment, size_t size,
				bool *is_zeroed)
{
	/* A small object of a large alignment need not be large itself. */
	if (size <= PN_SMALL_MAX)
		size = PN_SMALL_MAX + 1;
	if (size > PN_CHUNK_SIZE || alignment > PN_CHUNK_SIZE)
		return pn_large_alloc(heap, size > PN_CHUNK_SIZE ? size : PN_CHUNK_SIZE + 1,
				      alignment, is_zeroed);
	return pn_medium_alloc(heap, size, alignment, is_zeroed);
}

static void *alloc_aligned(size_t alignment, size_t size)
{
	bool is_zeroed;

	if (size > PN_SMALL_MAX || alignment > PN_SMALL_MAX)
		return alloc_aligned_runs(&pn_heap, alignment, size, &is_zeroed);
	return alloc_class(pn_class_aligned(size ? size : 1, alignment));
}

void *pn_alloc_aligned(size_t alignment, size_t size)
{
	void *object = NULL;

	if (is_usable()) {
		object = alloc_aligned(alignment, size);
		if (!object && may_succeed_now())
			object = alloc_aligned(alignment, size);
	}
	return count(object, size);
}

void *pn_alloc_zeroed(size_t size)
{
	bool is_zeroed = false;
	void *object = pn_alloc_cached(size);

	if (!object && size > PN_SMALL_MAX && size <= PN_CHUNK_SIZE)
		object = pn_tcache_pop_medium(size);
	if (!object)
		object = alloc_or_flush(size, &is_zeroed);
	if (object && !is_zeroed)
		memset(object, 0, size);
	return object;
}

/* Other heaps than the default one: threads cache nothing. */

static void *alloc_uncached(struct pn_heap *heap, size_t alignment, size_t size, bool *is_zeroed)
{
	if (size > PN_SMALL_MAX || alignment > PN_SMALL_MAX)
		return alloc_aligned_runs(heap, alignment, size, is_zeroed);
	*is_zeroed = false;
	return pn_heaps_take_object(heap, pn_class_aligned(size ? size : 1, alignment));
}

/* Memory that is short may lie idle in the other heaps. */
void *pn_alloc_in(struct pn_heap *heap, size_t alignment, size_t size, bool *is_zeroed)
{
	void *object = NULL;

	if (is_usable()) {
		object = alloc_uncached(heap, alignment, size, is_zeroed);
		if (!object) {
			flush();
			if (pn_heaps_purge())
				object = alloc_uncached(heap, alignment, size, is_zeroed);
		}
	}
	return count(object, size);
}

/* Returns the slab that @ptr is in, or the record of its medium object; NULL if there is neither. */
static struct pn_slab *record_at(const void *ptr)
{
	size_t offset = pn_arena_offset(ptr);
	struct pn_slab *slab = offset < pn_arena_size() ? pn_slab_at(offset) : NULL;

	return slab && !pn_medium_is_gone(slab) ? slab : NULL;
}

/* The live object of @slab that begins at @ptr; dies, naming @caller, if there is none. */
static inline __attribute__((always_inline)) struct pn_object
live_in_slab(struct pn_slab *slab, const void *ptr, const char *caller)
{
	size_t offset = pn_arena_offset(ptr), index = pn_slab_index(slab, offset);
	struct pn_object object;
	uint8_t state = PN_OBJECT_NEVER;

	if (pn_slab_is_start(slab, index, offset))
		state = pn_slab_state(slab, index);
	if (state == PN_OBJECT_NEVER)
		pn_die_invalid(caller, ptr);
	if (pn_state_is_freed(state))
		pn_die_freed(caller, ptr);
	pn_object_set(&object, slab, index);
	return object;
}

/* The live object that begins at @ptr; dies, naming @caller, if there is none. */
static struct pn_object live_object(const void *ptr, const char *caller)
{
	struct pn_slab *slab = record_at(ptr);

	return slab ? live_in_slab(slab, ptr, caller) : pn_large_find(ptr, caller);
}

/* Threads cache the default heap's, and nothing above a chunk. */
static void give(const struct pn_object *object, void *ptr)
{
	struct pn_slab *slab = object->slab;
	bool is_cached = object->heap == &pn_heap;
	uint8_t *state = slab ? &slab->state[object->index] : NULL;

	if (!slab)
		pn_large_give(ptr);
	else if (slab->pages && is_cached)
		pn_tcache_push_medium(slab);
	else if (slab->pages)
		pn_medium_free(ptr);
	else if (is_cached)
		pn_tcache_free(slab, ptr, state);
	else
		pn_heaps_give_object(slab, &(struct pn_free){ ptr, state });
}

/* Nothing in its place is allocated any more. */
static void free_inherited(const struct pn_object *object, void *ptr)
{
	if (pn_harden.zeroes)
		memset(ptr, 0, object->size);
	if (!pn_child_is_new())
		pn_inherited_freed(object);
}

/* Gives the memory of an object back whose state is FREED. */
static void free_object(const struct pn_object *object)
{
	void *ptr = pn_arena_at(object->offset);

	if (object->is_inherited)
		free_inherited(object, ptr);
	else if (object->heap == &pn_heap && pn_harden_frees())
		pn_harden_free(ptr);
	else
		give(object, ptr);
}

/* Between the arena's addresses there may be mappings of others, and in these the C library's objects. */
static bool is_elsewhere(const void *ptr)
{
	return pn_flavour.free_foreign && pn_arena_has(ptr) && pn_arena_is_foreign(ptr);
}

static void free_live(void *ptr, struct pn_object *object, bool is_inside)
{
	object->is_inherited |= is_inside;
	if (!is_inside)
		pn_profile_freed(ptr);
	if (!pn_retain_free(object))
		free_object(object);
}

/* Is it an object of a living thread, which waits with others like it? */
static bool waits_with_others(const struct pn_slab *slab)
{
	return slab->heap == &pn_heap && !slab->pages && slab->epoch == pn_arena.epoch &&
	       pn_slab_owner(slab) != &pn_tcache->owner && !pn_slab_is_nobodys(slab);
}

void pn_free_live(void *ptr, struct pn_slab *slab, size_t index)
{
	if (waits_with_others(slab) &&
	    pn_tcache_push(PN_BIN_OTHERS + slab->class, ptr, &slab->state[index]))
		pn_slab_set_freed(slab, index);
	else
		pn_free_slow(ptr);
}

void pn_free_slow(void *ptr)
{
	int saved = errno;
	bool is_inside = pn_runtime_enter()->error;
	struct pn_slab *slab = record_at(ptr);
	struct pn_object object;

	if (!slab && is_elsewhere(ptr)) {
		pn_flavour.free_foreign(ptr);
	} else {
		object = slab ? live_in_slab(slab, ptr, "free()") : pn_large_find(ptr, "free()");
		free_live(ptr, &object, is_inside);
	}
	errno = saved;
}

void pn_free_released(const struct pn_object *object)
{
	int saved = errno;

	free_object(object);
	errno = saved;
}

size_t pn_size_of(const void *ptr, const char *caller)
{
	return live_object(ptr, caller).size;
}

/* Is the object more than twice what @size with @alignment gets? */
static bool is_too_roomy(const struct pn_slab *slab, size_t alignment, size_t size)
{
	if (size <= PN_SMALL_MAX && alignment <= PN_SMALL_MAX)
		return !slab || slab->pages ||
		       slab->class != pn_class_aligned(size ? size : 1, alignment);
	return alignment <= PN_SMALL_MAX;
}

/* realloc() leaves an object where it is while more than half of it is used. */
void pn_free_sized(void *ptr, size_t alignment, size_t size, const char *caller)
{
	const struct pn_object object = live_object(ptr, caller);

	if ((uintptr_t)ptr & (alignment - 1) || size > object.size ||
	    (size <= object.size / 2 && is_too_roomy(object.slab, alignment, size)))
		pn_die_size(caller, ptr);
	pn_free(ptr);
}

/* Keep what fits, but not what would waste more than half. */
static bool fits_in_place(void *ptr, size_t size, const struct pn_object *object)
{
	/* What is cut off is retained, or would have to be zeroed: it stays, or all moves. */
	bool keeps_tail = pn_harden.zeroes || pn_state_is_retained(pn_object_get_state(object));

	if (!keeps_tail || size > object->size) {
		if (object->slot)
			return pn_large_resize(ptr, size);
		if (object->slab->pages)
			return pn_medium_resize(object->slab, size);
	}
	return size <= object->size && size > object->size / 2;
}

/* A heap that an inherited object was in may be no more. */
static void *alloc_like(const struct pn_object *object, size_t size)
{
	bool is_zeroed;

	if (object->heap == &pn_heap || object->is_inherited)
		return pn_alloc(size);
	return pn_alloc_in(object->heap, 1, size, &is_zeroed);
}

void *pn_realloc(void *ptr, size_t size)
{
	bool is_inside = pn_runtime_enter()->error;
	struct pn_object object = live_object(ptr, "realloc()");
	void *moved;

	object.is_inherited |= is_inside;
	if (!is_inside && fits_in_place(ptr, size, &object)) {
		pn_profile_resized(ptr, size);
		return ptr;
	}
	moved = alloc_like(&object, size);
	/* Programs do not expect that less is not to be had. */
	if (!moved)
		return size <= object.size ? ptr : NULL;
	memcpy(moved, ptr, size < object.size ? size : object.size);
	pn_free(ptr);
	return moved;
}

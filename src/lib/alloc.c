// SPDX-License-Identifier: MIT
/* Allocating and freeing: the paths that run rarely. */
#include "alloc.h"

#include <errno.h>
#include <string.h>

#include "die.h"
#include "harden.h"
#include "large.h"
#include "runtime.h"

static uint64_t failures;

uint64_t pn_alloc_failures(void)
{
	return __atomic_load_n(&failures, __ATOMIC_RELAXED);
}

static void *count_failure(void *object)
{
	if (!object)
		__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
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

static void *alloc_or_flush(size_t size, bool *is_zeroed)
{
	void *object = NULL;

	if (is_usable()) {
		object = alloc_plain(size, is_zeroed);
		if (!object && flush())
			object = alloc_plain(size, is_zeroed);
	}
	return count_failure(object);
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

static void *alloc_aligned_runs(size_t alignment, size_t size)
{
	bool is_zeroed;

	/* A small object of a large alignment need not be large itself. */
	if (size <= PN_SMALL_MAX)
		size = PN_SMALL_MAX + 1;
	if (size > PN_CHUNK_SIZE || alignment > PN_CHUNK_SIZE)
		return pn_large_alloc(&pn_heap, size > PN_CHUNK_SIZE ? size : PN_CHUNK_SIZE + 1,
				      alignment, &is_zeroed);
	return pn_medium_alloc(&pn_heap, size, alignment, &is_zeroed);
}

static void *alloc_aligned(size_t alignment, size_t size)
{
	if (size > PN_SMALL_MAX || alignment > PN_SMALL_MAX)
		return alloc_aligned_runs(alignment, size);
	return alloc_class(pn_class_aligned(size ? size : 1, alignment));
}

void *pn_alloc_aligned(size_t alignment, size_t size)
{
	void *object = NULL;

	if (is_usable()) {
		object = alloc_aligned(alignment, size);
		if (!object && flush())
			object = alloc_aligned(alignment, size);
	}
	return count_failure(object);
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

/* The slab and index of a live object; NULL if @ptr is in no slab; else dies. */
static struct pn_slab *live_object(const void *ptr, const char *caller, size_t *index)
{
	size_t offset = pn_arena_offset(ptr);
	struct pn_slab *slab = offset < pn_arena.size ? pn_slab_at(offset) : NULL;

	if (!slab || pn_medium_is_gone(slab))
		return NULL;
	*index = pn_slab_index(slab, offset);
	if (!pn_slab_is_start(slab, *index, offset) || slab->state[*index] == PN_OBJECT_NEVER)
		pn_die_invalid(caller, ptr);
	if (slab->state[*index] == PN_OBJECT_FREED)
		pn_die_freed(caller, ptr);
	return slab;
}

static void free_object(struct pn_slab *slab, size_t index, void *ptr)
{
	slab->state[index] = PN_OBJECT_FREED;
	/* An inherited slab is not allocated from: nothing to give back. */
	if (slab->epoch != pn_arena.epoch)
		return;
	if (pn_harden_frees())
		pn_harden_free(ptr);
	else if (slab->pages)
		pn_tcache_push_medium(slab);
	else
		pn_tcache_overflow(slab->bin, ptr, &slab->state[index]);
}

static void free_large(void *ptr)
{
	if (!pn_large_end(ptr, "free()"))
		return;
	if (pn_harden_frees())
		pn_harden_free(ptr);
	else
		pn_large_give(ptr);
}

void pn_free_slow(void *ptr)
{
	int saved = errno;
	struct pn_slab *slab;
	size_t index;

	pn_runtime_enter();
	slab = live_object(ptr, "free()", &index);
	if (slab)
		free_object(slab, index, ptr);
	else
		free_large(ptr);
	errno = saved;
}

size_t pn_size_of(const void *ptr, const char *caller)
{
	size_t index;
	struct pn_slab *slab = live_object(ptr, caller, &index);

	return slab ? slab->size : pn_large_size(ptr, caller);
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
	size_t index;
	struct pn_slab *slab = live_object(ptr, caller, &index);
	size_t has = slab ? slab->size : pn_large_size(ptr, caller);

	if ((uintptr_t)ptr & (alignment - 1) || size > has ||
	    (size <= has / 2 && is_too_roomy(slab, alignment, size)))
		pn_die_size(caller, ptr);
	pn_free(ptr);
}

/* Keep what fits, but not what would waste more than half; *old_size is for who must move it. */
static bool fits_in_place(void *ptr, size_t size, size_t *old_size)
{
	size_t index;
	struct pn_slab *slab = live_object(ptr, "realloc()", &index);

	*old_size = slab ? slab->size : pn_large_size(ptr, "realloc()");
	/* What is cut off is freed, and would have to be zeroed: it stays, or all moves. */
	if (pn_harden.zeroes && size <= *old_size)
		return size > *old_size / 2;
	if (!slab)
		return pn_large_resize(ptr, size);
	if (slab->pages)
		return pn_medium_resize(slab, size);
	return size <= *old_size && size > *old_size / 2;
}

void *pn_realloc(void *ptr, size_t size)
{
	size_t old_size;
	void *moved;

	if (fits_in_place(ptr, size, &old_size))
		return ptr;
	moved = pn_alloc(size);
	if (!moved)
		return NULL;
	memcpy(moved, ptr, size < old_size ? size : old_size);
	pn_free(ptr);
	return moved;
}

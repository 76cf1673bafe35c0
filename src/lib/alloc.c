// SPDX-License-Identifier: MIT
/* Allocating and freeing: the paths that run rarely. */
#include "alloc.h"

#include <errno.h>
#include <string.h>

#include "die.h"
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

void *pn_alloc_slow(size_t size)
{
	bool is_zeroed;

	if (!is_usable())
		return count_failure(NULL);
	if (size > PN_CHUNK_SIZE)
		return count_failure(pn_large_alloc(size, 1, &is_zeroed));
	return count_failure(alloc_class(pn_class_of(size ? size : 1)));
}

void *pn_alloc_aligned(size_t alignment, size_t size)
{
	bool is_zeroed;
	size_t larger = size > alignment ? size : alignment;
	unsigned int class;

	if (!is_usable())
		return count_failure(NULL);
	if (larger > PN_CHUNK_SIZE)
		return count_failure(pn_large_alloc(larger, alignment, &is_zeroed));
	class = pn_class_of(larger);
	/* Staggered objects begin at cache lines. */
	if (alignment > PN_CACHE_LINE)
		class = pn_class_aligned(class);
	return count_failure(alloc_class(class));
}

void *pn_alloc_zeroed(size_t size)
{
	bool is_zeroed = false;
	void *object;

	if (size <= PN_CHUNK_SIZE)
		object = pn_alloc(size);
	else
		object = is_usable() ? count_failure(pn_large_alloc(size, 1, &is_zeroed)) : NULL;
	if (object && !is_zeroed)
		memset(object, 0, size);
	return object;
}

/* The slab and index of a live object; NULL if @ptr is in no slab; else dies. */
static struct pn_slab *live_object(const void *ptr, const char *caller, size_t *index)
{
	size_t offset = pn_arena_offset(ptr);
	struct pn_slab *slab = offset < pn_arena.size ? pn_slab_at(offset) : NULL;

	if (!slab)
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
	if (slab->epoch == pn_arena.epoch)
		pn_tcache_overflow(slab->class, ptr);
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
		pn_large_free(ptr, "free()");
	errno = saved;
}

size_t pn_size_of(const void *ptr, const char *caller)
{
	size_t index;
	struct pn_slab *slab = live_object(ptr, caller, &index);

	return slab ? pn_classes[slab->class].size : pn_large_size(ptr, caller);
}

/* Keep what fits, but not what would waste more than half. */
static bool fits_in_place(void *ptr, size_t old_size, size_t size)
{
	if (old_size > PN_CHUNK_SIZE)
		return pn_large_resize(ptr, size);
	return size <= old_size && size > old_size / 2;
}

void *pn_realloc(void *ptr, size_t size)
{
	size_t old_size = pn_size_of(ptr, "realloc()");
	void *moved;

	if (fits_in_place(ptr, old_size, size))
		return ptr;
	moved = pn_alloc(size);
	if (!moved)
		return NULL;
	memcpy(moved, ptr, size < old_size ? size : old_size);
	pn_free(ptr);
	return moved;
}

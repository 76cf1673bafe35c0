// SPDX-License-Identifier: MIT
/*
 * The malloc family of a process on pinned memory. Each function checks whether the request or the
 * pointer belongs to pinned memory; if not, the function calls the next definition of its own name.
 * Edge cases behave as in glibc.
 */
#define _GNU_SOURCE
#include "served.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "next.h"
#include "pinned.h"
#include "report.h"
#include "route.h"

static bool is_power_of_two(size_t value)
{
	return value && !(value & (value - 1));
}

/*
 * Counts @object, which the next malloc returned after pinned memory was used up, and reports the
 * first such object. Does nothing if @object is NULL. Returns @object.
 */
static PN_NOINLINE void *count_fallback(void *object, size_t size)
{
	if (object && pn_route_count(object, size))
		pn_report_shortage();
	return object;
}

/* Allocation. */

static PN_NOINLINE void *malloc_or_fail(size_t size)
{
	return pn_route_falls_back(size) ? count_fallback(pn_next.malloc(size), size) : NULL;
}

static __attribute__((noinline)) void *malloc_uncached(size_t size)
{
	void *object = pn_alloc_slow(size);

	return object ? object : malloc_or_fail(size);
}

/* The slow path is in another function, so that this one saves no register. */
static void *served_malloc(size_t size)
{
	void *object = pn_alloc_cached(size);

	return pn_likely(object) ? object : malloc_uncached(size);
}

void *pn_served_malloc_by_size(size_t size)
{
	return pn_route_is_pinned(size) ? served_malloc(size) : pn_next.malloc(size);
}

static void *served_calloc(size_t count, size_t size)
{
	size_t total;
	void *object;

	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	if (!pn_route_is_pinned(total))
		return pn_next.calloc(count, size);
	object = pn_alloc_zeroed(total);
	if (object || !pn_route_falls_back(total))
		return object;
	return count_fallback(pn_next.calloc(count, size), total);
}

/*
 * True if the function that uses this macro was called by another allocator that the program is
 * linked to. The caller is then one of that allocator's operators new, and its operators delete
 * will assume that the memory is the allocator's own.
 */
#define IS_OTHER_ALLOCATOR() pn_unlikely(pn_next_is_caller(__builtin_return_address(0)))

/* @alignment is a power of two. */
static void *alloc_aligned(size_t alignment, size_t size)
{
	void *object;

	if (!pn_route_is_pinned(size))
		return pn_next.memalign(alignment, size);
	object = pn_alloc_aligned_cached(alignment, size);
	if (pn_likely(object))
		return object;
	object = pn_alloc_aligned(alignment, size);
	if (object || !pn_route_falls_back(size))
		return object;
	return count_fallback(pn_next.memalign(alignment, size), size);
}

/* Like glibc's memalign(), rounds @alignment up to a power of two. */
static void *memalign_rounded(size_t alignment, size_t size)
{
	size_t power = sizeof(void *);

	if (alignment > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	while (power < alignment)
		power *= 2;
	return alloc_aligned(power, size);
}

static void *served_memalign(size_t alignment, size_t size)
{
	if (IS_OTHER_ALLOCATOR())
		return pn_next.memalign(alignment, size);
	return memalign_rounded(alignment, size);
}

static int served_posix_memalign(void **result, size_t alignment, size_t size)
{
	int saved = errno;
	void *object;

	if (IS_OTHER_ALLOCATOR())
		return pn_next.posix_memalign(result, alignment, size);
	if (!is_power_of_two(alignment) || alignment % sizeof(void *))
		return EINVAL;
	object = alloc_aligned(alignment, size);
	errno = saved;
	if (!object)
		return ENOMEM;
	*result = object;
	return 0;
}

/*
 * If @alignment is not a power of two, behaves as the glibc in use: fails since 2.38, and rounds
 * the alignment up before 2.38.
 */
static void *served_aligned_alloc(size_t alignment, size_t size)
{
	if (IS_OTHER_ALLOCATOR())
		return pn_next.aligned_alloc(alignment, size);
	if (!is_power_of_two(alignment)) {
		if (pn_next_rounds_alignment())
			return memalign_rounded(alignment, size);
		errno = EINVAL;
		return NULL;
	}
	return alloc_aligned(alignment, size);
}

static void *served_valloc(size_t size)
{
	return alloc_aligned((size_t)sysconf(_SC_PAGESIZE), size);
}

static void *served_pvalloc(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (size > SIZE_MAX - page) {
		errno = ENOMEM;
		return NULL;
	}
	return alloc_aligned(page, pn_round_up(size, page));
}

/* Freeing. */

static void served_free(void *ptr)
{
	if (pn_likely(pn_arena_has(ptr)))
		pn_free(ptr);
	else
		pn_next.free(ptr);
}

static void served_free_sized(void *ptr, size_t size)
{
	if (pn_route_is_ours(ptr))
		pn_free_sized(ptr, 1, size, "free_sized()");
	else
		pn_next.free_sized(ptr, size);
}

static void served_free_aligned_sized(void *ptr, size_t alignment, size_t size)
{
	if (pn_route_is_ours(ptr))
		pn_free_sized(ptr, alignment, size, "free_aligned_sized()");
	else
		pn_next.free_aligned_sized(ptr, alignment, size);
}

static size_t served_malloc_usable_size(void *ptr)
{
	if (!ptr)
		return 0;
	if (pn_route_is_ours(ptr))
		return pn_size_of(ptr, "malloc_usable_size()");
	return pn_next.malloc_usable_size(ptr);
}

/* Changing sizes. */

/*
 * Copies the object at @ptr to @moved, which is memory of the other allocator, and frees @ptr.
 * Returns @moved; if @moved is NULL, leaves @ptr as it is.
 */
static void *move_object(void *ptr, size_t size, void *moved)
{
	size_t old_size = served_malloc_usable_size(ptr);

	if (!moved)
		return NULL;
	memcpy(moved, ptr, old_size < size ? old_size : size);
	served_free(ptr);
	return moved;
}

static void *realloc_pinned(void *ptr, size_t size)
{
	void *object;

	if (!pn_route_is_pinned(size))
		return move_object(ptr, size, pn_next.malloc(size));
	object = pn_realloc(ptr, size);
	return object ? object : move_object(ptr, size, malloc_or_fail(size));
}

/*
 * Reallocates an object of the next allocator. The object stays with the next allocator if pinned
 * memory cannot serve @size, or if the object's size is unknown, so that it cannot be copied.
 */
static void *realloc_next(void *ptr, size_t size)
{
	void *object;

	if (!pn_route_is_pinned(size) || !pn_next_knows_sizes())
		return pn_next.realloc(ptr, size);
	object = pn_alloc(size);
	return object ? move_object(ptr, size, object)
		      : count_fallback(pn_next.realloc(ptr, size), size);
}

static void *served_realloc(void *ptr, size_t size)
{
	if (!ptr)
		return pn_served_malloc_by_size(size);
	if (!size) {
		served_free(ptr);
		return NULL;
	}
	return pn_route_is_ours(ptr) ? realloc_pinned(ptr, size) : realloc_next(ptr, size);
}

static void *served_reallocarray(void *ptr, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return served_realloc(ptr, total);
}

const struct pn_family pn_served = {
	.malloc = served_malloc,
	.free = served_free,
	.calloc = served_calloc,
	.realloc = served_realloc,
	.reallocarray = served_reallocarray,
	.memalign = served_memalign,
	.posix_memalign = served_posix_memalign,
	.aligned_alloc = served_aligned_alloc,
	.valloc = served_valloc,
	.pvalloc = served_pvalloc,
	.free_sized = served_free_sized,
	.free_aligned_sized = served_free_aligned_sized,
	.malloc_usable_size = served_malloc_usable_size,
	.malloc_trim = pn_served_malloc_trim,
	.mallopt = pn_served_mallopt,
	.mallinfo = pn_served_mallinfo,
	.mallinfo2 = pn_served_mallinfo2,
	.malloc_info = pn_served_malloc_info,
	.malloc_stats = pn_served_malloc_stats,
};

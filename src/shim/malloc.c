// SPDX-License-Identifier: MIT
/*
 * The malloc family, as programs know it. Each function asks where the request
 * or the pointer belongs and passes it on; behaviour at the edges is glibc's.
 *
 * The names are unversioned: programs ask for malloc@GLIBC_2.2.5 and others, and
 * an unversioned definition satisfies any of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pinned.h"
#include "route.h"

#define EXPORT __attribute__((visibility("default")))

/* Not in the headers of older C libraries. */
EXPORT void free_sized(void *ptr, size_t size);
EXPORT void free_aligned_sized(void *ptr, size_t alignment, size_t size);

static bool is_power_of_two(size_t value)
{
	return value && !(value & (value - 1));
}

/* Allocation. */

static PN_NOINLINE void *malloc_elsewhere(size_t size)
{
	return pn_route_falls_back(size) ? pn_route_count(pn_libc_malloc(size), size) : NULL;
}

static __attribute__((noinline)) void *malloc_uncached(size_t size)
{
	void *object;

	if (!pn_route_is_pinned(size))
		return pn_libc_malloc(size);
	object = pn_alloc_slow(size);
	return object ? object : malloc_elsewhere(size);
}

/* All that is not a matter of a few instructions is in another function, so that this one saves no register. */
EXPORT void *malloc(size_t size)
{
	if (pn_likely(pn_route_is_known_pinned(size))) {
		void *object = pn_alloc_cached(size);

		if (pn_likely(object))
			return object;
	} else if (pn_likely(pn_route.libc_malloc != NULL)) {
		return pn_route.libc_malloc(size);
	}
	return malloc_uncached(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
	size_t total;
	void *object;

	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	if (!pn_route_is_pinned(total))
		return pn_libc_calloc(count, size);
	object = pn_alloc_zeroed(total);
	if (object || !pn_route_falls_back(total))
		return object;
	return pn_route_count(pn_libc_calloc(count, size), total);
}

/* @alignment is a power of two. */
static void *aligned(size_t alignment, size_t size)
{
	void *object;

	if (!pn_route_is_pinned(size))
		return pn_libc_memalign(alignment, size);
	object = pn_alloc_aligned_cached(alignment, size);
	if (pn_likely(object))
		return object;
	object = pn_alloc_aligned(alignment, size);
	if (object || !pn_route_falls_back(size))
		return object;
	return pn_route_count(pn_libc_memalign(alignment, size), size);
}

/* glibc rounds what is no power of two up to one. */
EXPORT void *memalign(size_t alignment, size_t size)
{
	size_t power = sizeof(void *);

	if (alignment > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	while (power < alignment)
		power *= 2;
	return aligned(power, size);
}

EXPORT int posix_memalign(void **result, size_t alignment, size_t size)
{
	int saved = errno;
	void *object;

	if (!is_power_of_two(alignment) || alignment % sizeof(void *))
		return EINVAL;
	object = aligned(alignment, size);
	errno = saved;
	if (!object)
		return ENOMEM;
	*result = object;
	return 0;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	if (!is_power_of_two(alignment)) {
		errno = EINVAL;
		return NULL;
	}
	return aligned(alignment, size);
}

EXPORT void *valloc(size_t size)
{
	return aligned((size_t)sysconf(_SC_PAGESIZE), size);
}

EXPORT void *pvalloc(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (size > SIZE_MAX - page) {
		errno = ENOMEM;
		return NULL;
	}
	return aligned(page, pn_round_up(size, page));
}

/* Freeing. */

EXPORT void free(void *ptr)
{
	if (pn_likely(pn_arena_has(ptr)))
		pn_free(ptr);
	else if (pn_likely(pn_route.libc_free != NULL))
		pn_route.libc_free(ptr);
	else
		pn_libc_free(ptr);
}

EXPORT void free_sized(void *ptr, size_t size)
{
	if (pn_arena_has(ptr))
		pn_free_sized(ptr, 1, size, "free_sized()");
	else
		free(ptr);
}

EXPORT void free_aligned_sized(void *ptr, size_t alignment, size_t size)
{
	if (pn_arena_has(ptr))
		pn_free_sized(ptr, alignment, size, "free_aligned_sized()");
	else
		free(ptr);
}

EXPORT size_t malloc_usable_size(void *ptr)
{
	if (!ptr)
		return 0;
	if (pn_arena_has(ptr))
		return pn_size_of(ptr, "malloc_usable_size()");
	return pn_libc_usable_size(ptr);
}

/* Changing sizes. */

/* Into memory of the other sort; on failure @ptr stays as it is. */
static void *move(void *ptr, size_t size, void *moved)
{
	size_t old_size = malloc_usable_size(ptr);

	if (!moved)
		return NULL;
	memcpy(moved, ptr, old_size < size ? old_size : size);
	free(ptr);
	return moved;
}

static void *realloc_pinned(void *ptr, size_t size)
{
	void *object;

	if (!pn_route_is_pinned(size))
		return move(ptr, size, pn_libc_malloc(size));
	object = pn_realloc(ptr, size);
	return object ? object : move(ptr, size, malloc_elsewhere(size));
}

/* libc's memory stays there while no pinned memory is to be had. */
static void *realloc_libc(void *ptr, size_t size)
{
	void *object;

	if (!pn_route_is_pinned(size))
		return pn_libc_realloc(ptr, size);
	object = pn_alloc(size);
	return object ? move(ptr, size, object) : pn_route_count(pn_libc_realloc(ptr, size), size);
}

EXPORT void *realloc(void *ptr, size_t size)
{
	if (!ptr)
		return malloc(size);
	if (!size) {
		free(ptr);
		return NULL;
	}
	return pn_arena_has(ptr) ? realloc_pinned(ptr, size) : realloc_libc(ptr, size);
}

EXPORT void *reallocarray(void *ptr, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(ptr, total);
}

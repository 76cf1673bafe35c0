// SPDX-License-Identifier: MIT
/*
 * Sizes that wrap around, and sized frees with a wrong size. The goal: an object that is
 * smaller than its owner believes, or that overlaps other objects (Faults B34).
 */
#include <malloc.h>

#include "attack.h"

/* The allocator's sized free, by any of its names. An allocator without one cannot be attacked. */
extern void free_sized(void *ptr, size_t size) __attribute__((weak));
extern void free_aligned_sized(void *ptr, size_t alignment, size_t size) __attribute__((weak));
extern void sdallocx(void *ptr, size_t size, int flags) __attribute__((weak));
extern void mi_free_size(void *ptr, size_t size) __attribute__((weak));
extern void mi_free_size_aligned(void *ptr, size_t size, size_t alignment) __attribute__((weak));

static void drop_sized(void *object, size_t size)
{
	if (free_sized)
		free_sized(object, size);
	else if (sdallocx)
		sdallocx(object, size, 0);
	else if (mi_free_size)
		mi_free_size(object, size);
}

static void drop_aligned_sized(void *object, int alignment_log, size_t size)
{
	size_t alignment = (size_t)1 << alignment_log;

	if (free_aligned_sized)
		free_aligned_sized(object, alignment, size);
	else if (sdallocx)
		sdallocx(object, size, alignment_log);
	else if (mi_free_size_aligned)
		mi_free_size_aligned(object, size, alignment);
}

static bool freed_as_larger(void)
{
	char *object = take(32), *victim = take(32);

	drop_sized(object, 4096);
	(void)victim;
	return is_given(object, 32, 4096, 256);
}

static bool freed_as_smaller(void)
{
	char *object = take(4096);

	drop_sized(object, 32);
	return is_given(object, 4096, 32, 64);
}

static bool medium_freed_as_larger(void)
{
	char *object = take(40 << 10);

	drop_sized(object, 1 << 20);
	return is_given(object, 40 << 10, 1 << 20, 16) && is_given(object, 40 << 10, 40 << 10, 16);
}

static bool freed_as_aligned(void)
{
	char *object = take(48), *other = take(48);

	/* At least one of the two objects does not have this alignment. */
	drop_aligned_sized((uintptr_t)object % 4096 ? object : other, 12, 8192);
	return is_given(object, 48, 8192, 256) || is_given(other, 48, 8192, 256);
}

static size_t size_of(size_t value)
{
	return (size_t)opaque((void *)value);
}

static bool malloc_wraps(void)
{
	return take(SIZE_MAX) || take(SIZE_MAX - 8) || take(SIZE_MAX - 4096) ||
	       take((size_t)PTRDIFF_MAX + 1);
}

static bool calloc_wraps(void)
{
	return opaque(calloc(size_of(SIZE_MAX / 16 + 2), 16)) ||
	       opaque(calloc(size_of((size_t)1 << 32), size_of(((size_t)1 << 32) + 1)));
}

static bool realloc_wraps(void)
{
	void *object = take(100);

	return resize(object, SIZE_MAX - 7) ||
	       opaque(reallocarray(object, size_of(SIZE_MAX / 16 + 2), 16));
}

static bool memalign_wraps(void)
{
	void *object = NULL;

	return !posix_memalign(&object, 4096, size_of(SIZE_MAX - 100)) ||
	       opaque(memalign(size_of((size_t)1 << 62), size_of((size_t)3 << 62))) ||
	       opaque(pvalloc(size_of(SIZE_MAX - 5)));
}

static const struct attack attacks[] = {
	ATTACK(freed_as_larger),  ATTACK(freed_as_smaller), ATTACK(medium_freed_as_larger),
	ATTACK(freed_as_aligned), ATTACK(malloc_wraps),	    ATTACK(calloc_wraps),
	ATTACK(realloc_wraps),	  ATTACK(memalign_wraps),
};

ATTACK_MAIN(attacks)

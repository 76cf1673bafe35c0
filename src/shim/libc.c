// SPDX-License-Identifier: MIT
/*
 * Calls to the C library's own allocator. glibc's five main functions are
 * called by their second names, which nothing needs to look up, so that the
 * first allocation of a process needs no dlsym. The rest have no second name
 * and are looked up when a program asks for them.
 */
#define _GNU_SOURCE
#include "libc.h"

#include <dlfcn.h>
#include <gnu/lib-names.h>

/*
 * The first of three that exists: a sanitizer's, glibc's second name, the next
 * definition of the name.
 */
#define CALL(type, name, ...)                                     \
	(__interceptor_##name ? __interceptor_##name(__VA_ARGS__) \
	 : __libc_##name      ? __libc_##name(__VA_ARGS__)        \
			      : NEXT(type, name)(__VA_ARGS__))

/*
 * Where to look: in the C library itself, since its pointers are what the functions are called with. The next
 * library may be another allocator, which the program is linked to. A sanitizer is behind us, and
 * another C library has no second names.
 */
static void *scope_of_next(void)
{
	void *libc;

	if (__interceptor_malloc || !__libc_malloc)
		return RTLD_NEXT;
	libc = dlopen(LIBC_SO, RTLD_LAZY | RTLD_NOLOAD);
	return libc ? libc : RTLD_NEXT;
}

/* The definition of @name behind this library's, remembered in @cache. */
static void *find_next(void **cache, const char *name)
{
	void *found = __atomic_load_n(cache, __ATOMIC_RELAXED);

	if (!found) {
		found = dlsym(scope_of_next(), name);
		__atomic_store_n(cache, found, __ATOMIC_RELAXED);
	}
	return found;
}

/* A pointer of type @type to the next definition of @name. */
#define NEXT(type, name)                         \
	({                                       \
		static void *cache;              \
		(type) find_next(&cache, #name); \
	})

void *(*pn_libc_find_malloc(void))(size_t size)
{
	return __interceptor_malloc ? __interceptor_malloc : __libc_malloc;
}

void (*pn_libc_find_free(void))(void *ptr)
{
	return __interceptor_free ? __interceptor_free : __libc_free;
}

void *pn_libc_malloc(size_t size)
{
	return CALL(void *(*)(size_t), malloc, size);
}

void pn_libc_free(void *ptr)
{
	CALL(void (*)(void *), free, ptr);
}

void *pn_libc_calloc(size_t count, size_t size)
{
	return CALL(void *(*)(size_t, size_t), calloc, count, size);
}

void *pn_libc_realloc(void *ptr, size_t size)
{
	return CALL(void *(*)(void *, size_t), realloc, ptr, size);
}

void *pn_libc_memalign(size_t alignment, size_t size)
{
	return CALL(void *(*)(size_t, size_t), memalign, alignment, size);
}

size_t pn_libc_usable_size(void *ptr)
{
	size_t (*next)(void *) = NEXT(size_t(*)(void *), malloc_usable_size);

	return next ? next(ptr) : 0;
}

int pn_libc_mallopt(int parameter, int value)
{
	int (*next)(int, int) = NEXT(int (*)(int, int), mallopt);

	return next ? next(parameter, value) : 0;
}

int pn_libc_malloc_trim(size_t pad)
{
	int (*next)(size_t) = NEXT(int (*)(size_t), malloc_trim);

	return next ? next(pad) : 0;
}

int pn_libc_malloc_info(int options, FILE *stream)
{
	int (*next)(int, FILE *) = NEXT(int (*)(int, FILE *), malloc_info);

	return next ? next(options, stream) : 0;
}

void pn_libc_malloc_stats(void)
{
	void (*next)(void) = NEXT(void (*)(void), malloc_stats);

	if (next)
		next();
}

/* All that glibc before 2.33 has. Its figures are ints, and wrap: unsigned they are right up to 4 GiB. */
static struct mallinfo2 older_mallinfo(void)
{
	struct mallinfo (*next)(void) = NEXT(struct mallinfo(*)(void), mallinfo);
	struct mallinfo info;

	if (!next)
		return (struct mallinfo2){ 0 };
	info = next();
	return (struct mallinfo2){
		.arena = (unsigned int)info.arena,
		.ordblks = (unsigned int)info.ordblks,
		.smblks = (unsigned int)info.smblks,
		.hblks = (unsigned int)info.hblks,
		.hblkhd = (unsigned int)info.hblkhd,
		.usmblks = (unsigned int)info.usmblks,
		.fsmblks = (unsigned int)info.fsmblks,
		.uordblks = (unsigned int)info.uordblks,
		.fordblks = (unsigned int)info.fordblks,
		.keepcost = (unsigned int)info.keepcost,
	};
}

struct mallinfo2 pn_libc_mallinfo2(void)
{
	struct mallinfo2 (*next)(void) = NEXT(struct mallinfo2(*)(void), mallinfo2);

	return next ? next() : older_mallinfo();
}

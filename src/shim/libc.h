/* SPDX-License-Identifier: MIT */
/*
 * The C library's own allocator, by the names that glibc exports for it. They
 * are weak: another C library (musl) does not have them, and then the next
 * definition of each name is looked up instead.
 */
#ifndef PN_LIBC_H
#define PN_LIBC_H

#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

extern void *__libc_malloc(size_t size) __attribute__((weak));
extern void __libc_free(void *ptr) __attribute__((weak));
extern void *__libc_calloc(size_t count, size_t size) __attribute__((weak));
extern void *__libc_realloc(void *ptr, size_t size) __attribute__((weak));
extern void *__libc_memalign(size_t alignment, size_t size) __attribute__((weak));

/*
 * A sanitizer's allocator, which in such a program is behind everything that is not
 * ours: the C library's strdup gives its memory, and free must give it back there.
 */
extern void *__interceptor_malloc(size_t size) __attribute__((weak));
extern void __interceptor_free(void *ptr) __attribute__((weak));
extern void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
extern void *__interceptor_realloc(void *ptr, size_t size) __attribute__((weak));
extern void *__interceptor_memalign(size_t alignment, size_t size) __attribute__((weak));

#if !__GLIBC_PREREQ(2, 33)
/* As later ones have it. */
struct mallinfo2 {
	size_t arena;
	size_t ordblks;
	size_t smblks;
	size_t hblks;
	size_t hblkhd;
	size_t usmblks;
	size_t fsmblks;
	size_t uordblks;
	size_t fordblks;
	size_t keepcost;
};

struct mallinfo2 mallinfo2(void);
#endif

/* Is this the C library that the shim was made for? */
static inline bool pn_libc_is_glibc(void)
{
	return __libc_malloc && __libc_free && __libc_calloc && __libc_realloc && __libc_memalign;
}

/* Where pn_libc_malloc() and pn_libc_free() go, for who wants to go there directly; NULL if that must be looked up. */
void *(*pn_libc_find_malloc(void))(size_t size);
void (*pn_libc_find_free(void))(void *ptr);

void *pn_libc_malloc(size_t size);
void pn_libc_free(void *ptr);
void *pn_libc_calloc(size_t count, size_t size);
void *pn_libc_realloc(void *ptr, size_t size);
void *pn_libc_memalign(size_t alignment, size_t size);
size_t pn_libc_usable_size(void *ptr);

/* These exist in glibc only; without it they do nothing and return 0. */
int pn_libc_mallopt(int parameter, int value);
int pn_libc_malloc_trim(size_t pad);
int pn_libc_malloc_info(int options, FILE *stream);
void pn_libc_malloc_stats(void);
struct mallinfo2 pn_libc_mallinfo2(void);

#endif /* PN_LIBC_H */

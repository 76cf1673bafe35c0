/* SPDX-License-Identifier: MIT */
/*
 * The malloc family as a table of functions. There are three such tables: pn_next contains the next
 * definitions (next.h), pn_served the functions that serve from pinned memory (served.h), and every
 * exported function jumps through pn_family. pn_family starts with functions that take the decision
 * (init.c); afterwards it is a copy of one of the other two tables. A process that does not use
 * pinned memory therefore pays one jump per call.
 */
#ifndef PN_FAMILY_H
#define PN_FAMILY_H

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>

#if !__GLIBC_PREREQ(2, 33)
/* The definition from later versions of glibc. */
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

/* Expands X(result, name, parameters, arguments) for each function. */
#define PN_FAMILY(X)                                                                        \
	X(void *, malloc, (size_t size), (size))                                            \
	X(void, free, (void *ptr), (ptr))                                                   \
	X(void *, calloc, (size_t count, size_t size), (count, size))                       \
	X(void *, realloc, (void *ptr, size_t size), (ptr, size))                           \
	X(void *, reallocarray, (void *ptr, size_t count, size_t size), (ptr, count, size)) \
	X(void *, memalign, (size_t alignment, size_t size), (alignment, size))             \
	X(int, posix_memalign, (void **result, size_t alignment, size_t size),              \
	  (result, alignment, size))                                                        \
	X(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))        \
	X(void *, valloc, (size_t size), (size))                                            \
	X(void *, pvalloc, (size_t size), (size))                                           \
	X(void, free_sized, (void *ptr, size_t size), (ptr, size))                          \
	X(void, free_aligned_sized, (void *ptr, size_t alignment, size_t size),             \
	  (ptr, alignment, size))                                                           \
	X(size_t, malloc_usable_size, (void *ptr), (ptr))                                   \
	X(int, malloc_trim, (size_t pad), (pad))                                            \
	X(int, mallopt, (int parameter, int value), (parameter, value))                     \
	X(struct mallinfo, mallinfo, (void), ())                                            \
	X(struct mallinfo2, mallinfo2, (void), ())                                          \
	X(int, malloc_info, (int options, FILE *stream), (options, stream))                 \
	X(void, malloc_stats, (void), ())

#define PN_FAMILY_MEMBER(result, name, parameters, arguments) result(*name) parameters;

struct pn_family {
	PN_FAMILY(PN_FAMILY_MEMBER)
};

/* The table that the exported functions jump through. Hidden, so that a jump is one instruction. */
extern struct pn_family pn_family __attribute__((visibility("hidden")));

#endif /* PN_FAMILY_H */

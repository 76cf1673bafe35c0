/* SPDX-License-Identifier: MIT */
/*
 * The functions that the program would have reached without this library: for each name, the next
 * definition in the order in which the dynamic linker searches. That may be a linked allocator's,
 * another preloaded library's, a sanitizer's, or the C library's.
 */
#ifndef PN_NEXT_H
#define PN_NEXT_H

#include <stdbool.h>

#include "family.h"

/* Complete after pn_next_resolve(). A name that nothing defines has a function that does its best. */
extern struct pn_family pn_next __attribute__((visibility("hidden")));

/* What else this library exports; NULL where nothing defines the name. */
extern int (*pn_next_prctl)(int option, ...);
extern int (*pn_next_madvise)(void *addr, size_t length, int advice);
extern void *(*pn_next_dlopen)(const char *file, int flags);
extern void *(*pn_next_dlmopen)(long name_space, const char *file, int flags);

/* Finds all of them, at the first call only. Allocates nothing and takes no lock. */
void pn_next_resolve(void);

/*
 * Does the program itself define malloc? Then nobody's allocations come here. A library that is
 * preloaded before this one may define it too, but such a library as a rule counts calls and passes
 * them on.
 */
bool pn_next_is_preceded(void);

/* Do the next malloc and the next malloc_usable_size belong to the same object? */
bool pn_next_knows_sizes(void);

/*
 * Is @caller, a return address, in another allocator than the C library's? jemalloc's aligned
 * operators new call the public aligned_alloc(), and its operators delete take for granted that the
 * memory is jemalloc's own.
 */
bool pn_next_is_caller(const void *caller);

bool pn_next_is_glibc(void);
/* Does the C library's aligned_alloc() round an alignment up to a power of two? */
bool pn_next_rounds_alignment(void);

/*
 * Lets glibc's allocator initialise itself, which before 2.34 waits for the dynamic linker's lock: in
 * a process on pinned memory the first call that reaches it may come from anywhere.
 */
void pn_next_start(void);

#endif /* PN_NEXT_H */

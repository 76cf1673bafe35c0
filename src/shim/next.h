/* SPDX-License-Identifier: MIT */
/*
 * The functions that the program would call without this library: for each name, the next
 * definition in the dynamic linker's search order. The next definition may belong to an allocator
 * that the program is linked to, another preloaded library, a sanitizer, or the C library.
 */
#ifndef PN_NEXT_H
#define PN_NEXT_H

#include <stdbool.h>

#include "family.h"

/*
 * The next malloc family; complete after pn_next_resolve(). For a name that no object defines, the
 * entry is a substitute made of the other functions.
 */
extern struct pn_family pn_next __attribute__((visibility("hidden")));

/* The next definitions of the other functions that this library exports; NULL if there is none. */
extern int (*pn_next_prctl)(int option, ...);
extern int (*pn_next_madvise)(void *addr, size_t length, int advice);
extern void *(*pn_next_dlopen)(const char *file, int flags);
extern void *(*pn_next_dlmopen)(long name_space, const char *file, int flags);

/* Finds all next definitions, in the first call only. Allocates nothing and takes no lock. */
void pn_next_resolve(void);

/*
 * Returns whether the program itself defines malloc; no allocation reaches this library then. A
 * library that is preloaded before this one may define malloc too, but such a library normally
 * counts calls and passes them on.
 */
bool pn_next_is_preceded(void);

/*
 * Returns whether the same object defines the next malloc and the next malloc_usable_size, so that
 * the sizes of the next malloc's objects are known.
 */
bool pn_next_knows_sizes(void);

/*
 * Returns whether @caller, a return address, lies in an allocator other than the C library's.
 * jemalloc's aligned operators new call the public aligned_alloc(), and its operators delete assume
 * that the memory is jemalloc's own.
 */
bool pn_next_is_caller(const void *caller);

bool pn_next_is_glibc(void);
/* Returns whether the C library's aligned_alloc() rounds an alignment up to a power of two. */
bool pn_next_rounds_alignment(void);

/*
 * Makes glibc's allocator initialise itself now. Before glibc 2.34 the initialisation takes the
 * dynamic linker's lock, and in a process on pinned memory the first call that reaches glibc's
 * allocator may come from a place where this would deadlock.
 */
void pn_next_start(void);

#endif /* PN_NEXT_H */

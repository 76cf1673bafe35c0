/* SPDX-License-Identifier: MIT */
/* The arena's addresses and tables. */
#ifndef PN_ADDRESSES_H
#define PN_ADDRESSES_H

#include "os/base.h"

/*
 * Reserve as much as there is, but of a limited address space (RLIMIT_AS) an
 * eighth, and set pn_arena's base and tables. Return: bytes, 0 if even the least
 * that is worth it cannot be had.
 */
size_t pn_reserve_most(void);

/* Extents of an arena of this size, in bytes: 16 or more, of up to 1 GiB. */
size_t pn_reserve_extent_size(size_t arena_size);

#endif /* PN_ADDRESSES_H */

/* SPDX-License-Identifier: MIT */
/* Physical addresses from /proc/self/pagemap. */
#ifndef PN_PAGEMAP_H
#define PN_PAGEMAP_H

#include "os/base.h"

/*
 * Returns the physical address of the mapped page at @addr; UINT64_MAX if the kernel does not tell
 * it, because the process lacks CAP_SYS_ADMIN.
 */
uint64_t pn_pagemap_phys(const void *addr);

#endif /* PN_PAGEMAP_H */

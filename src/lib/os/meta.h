/* SPDX-License-Identifier: MIT */
/*
 * Memory for the library's own records, apart from the objects, so that a wild
 * write or a stray DMA into an object cannot reach them.
 */
#ifndef PN_META_H
#define PN_META_H

#include "os/base.h"

/* Zeroed, aligned to a cache line. Return: NULL without memory. */
void *pn_meta_alloc(size_t size);

void pn_meta_lock(void);
void pn_meta_unlock(void);
void pn_meta_reset_lock(void);

#endif /* PN_META_H */

/* SPDX-License-Identifier: MIT */
/*
 * Memory for the library's own records. It lies apart from the objects, so that a wild write or a
 * stray DMA to an object cannot reach a record.
 */
#ifndef PN_META_H
#define PN_META_H

#include "os/base.h"

/* Allocates zeroed memory, aligned to a cache line. Takes no lock. Return: NULL without memory. */
void *pn_meta_alloc(size_t size);

/* Maps and touches memory for the next @size bytes of records. Return: false without memory. */
bool pn_meta_reserve(size_t size);

#endif /* PN_META_H */

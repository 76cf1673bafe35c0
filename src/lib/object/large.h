/* SPDX-License-Identifier: MIT */
/* Objects larger than a chunk: runs of whole slots. */
#ifndef PN_LARGE_H
#define PN_LARGE_H

#include "object/object.h"

/* @alignment: a power of two. Return: NULL without memory. */
void *pn_large_alloc(struct pn_heap *heap, size_t size, size_t alignment, bool *is_zeroed);

/* The live object that begins at @ptr, which is in no slab; or dies, naming @caller. */
struct pn_object pn_large_find(const void *ptr, const char *caller);
/* Shrink, keep or grow in place. Return: false if it must move. */
bool pn_large_resize(void *ptr, size_t size);

/* Give back what is not live any more, and not inherited. */
void pn_large_give(void *ptr);

#endif /* PN_LARGE_H */

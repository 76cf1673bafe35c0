/* SPDX-License-Identifier: MIT */
/* Objects larger than a chunk: runs of whole slots. */
#ifndef PN_LARGE_H
#define PN_LARGE_H

#include "object.h"

/* A freed object that nobody retains any more. */
void pn_large_free_released(const struct pn_object *object);

/* @alignment: a power of two. Return: NULL without memory. */
void *pn_large_alloc(struct pn_heap *heap, size_t size, size_t alignment, bool *is_zeroed);

/* These three die, naming @caller, if @ptr, which is in no slab, does not begin a live object. */
void pn_large_free(void *ptr, const char *caller);
size_t pn_large_size(const void *ptr, const char *caller);
/* Shrink, keep or grow in place. Return: false if it must move. */
bool pn_large_resize(void *ptr, size_t size);

#endif /* PN_LARGE_H */

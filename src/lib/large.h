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
/* It is not live any more. Return: false if it is inherited or retained, and not to be given back. */
bool pn_large_end(void *ptr, const char *caller);
size_t pn_large_size(const void *ptr, const char *caller);
/* Shrink, keep or grow in place. Return: false if it must move. */
bool pn_large_resize(void *ptr, size_t size);

/* Give back what has ended. */
void pn_large_give(void *ptr);

#endif /* PN_LARGE_H */

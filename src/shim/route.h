/* SPDX-License-Identifier: MIT */
/*
 * Which allocator serves a request, and what happens when pinned memory is short.
 * A pointer is freed by whom it came from, which its address tells: whatever was
 * decided meanwhile does not matter.
 */
#ifndef PN_ROUTE_H
#define PN_ROUTE_H

#include "front/alloc.h"
#include "front/runtime.h"
#include "libc.h"

/**
 * struct pn_route - which sizes go to pinned memory
 * @span: sizes of which size - @min is below it do; 0 before the first decision and in passthrough
 * @min: smallest such size
 * @libc_malloc: where all other sizes go; NULL before the decision, or if it must be looked up
 * @libc_free: where pointers outside of the arena go; likewise
 * @is_decided: false before initialisation
 * @fails: without memory, fail; else libc's memory is used
 */
struct pn_route {
	size_t span;
	size_t min;
	void *(*libc_malloc)(size_t size);
	void (*libc_free)(void *ptr);
	bool is_decided;
	bool fails;
};

extern struct pn_route pn_route;

/* Decide, if the process is far enough; init.c. */
void pn_route_decide(void);

/* Has it been decided that a request of @size goes to pinned memory? */
static inline bool pn_route_is_known_pinned(size_t size)
{
	return size - pn_route.min < pn_route.span;
}

/* Does a request of @size go to pinned memory? Before the decision: not yet. */
static inline bool pn_route_is_pinned(size_t size)
{
	if (pn_likely(pn_route_is_known_pinned(size)))
		return true;
	if (pn_unlikely(!__atomic_load_n(&pn_route.is_decided, __ATOMIC_RELAXED))) {
		pn_route_decide();
		return pn_route_is_known_pinned(size);
	}
	return false;
}

/* No pinned memory was to be had for @size. Return: true if libc shall serve it; else errno is set. */
bool pn_route_falls_back(size_t size);
/* Count what libc did serve then. Return: @object. */
void *pn_route_count(void *object, size_t size);

struct pn_fallback pn_route_get_fallback(void);

#endif /* PN_ROUTE_H */

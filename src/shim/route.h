/* SPDX-License-Identifier: MIT */
/*
 * In a process on pinned memory: which sizes are served from it, and what happens when there is not
 * enough. A pointer is freed by whoever it came from, which its address tells: whatever was decided
 * meanwhile does not matter.
 */
#ifndef PN_ROUTE_H
#define PN_ROUTE_H

#include "config/config.h"
#include "front/alloc.h"
#include "front/runtime.h"

/**
 * struct pn_route - which sizes go to pinned memory
 * @span: sizes of which size - @min is below it do
 * @min: smallest such size
 * @fails: without memory, fail; else the next malloc is used
 */
struct pn_route {
	size_t span;
	size_t min;
	bool fails;
};

extern struct pn_route pn_route;

/* Sets the route from a configuration whose max is not below its min. */
void pn_route_set(const struct pn_config *config);

/* Does a request of @size go to pinned memory? */
static inline bool pn_route_is_pinned(size_t size)
{
	return pn_likely(size - pn_route.min < pn_route.span);
}

/* Returns true if @ptr is in pinned memory. */
static inline bool pn_route_is_ours(const void *ptr)
{
	return pn_arena_has(ptr) && !pn_arena_is_foreign(ptr);
}

/*
 * There was no pinned memory for @size. Returns true if the next malloc shall serve the request;
 * otherwise errno is ENOMEM.
 */
bool pn_route_falls_back(size_t size);
/* Counts @object, which the next malloc did serve then. Returns true for the first one of a process. */
bool pn_route_count(void *object, size_t size);

struct pn_fallback pn_route_get_fallback(void);

#endif /* PN_ROUTE_H */

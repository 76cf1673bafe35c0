/* SPDX-License-Identifier: MIT */
/*
 * Decides, in a process on pinned memory, which sizes pinned memory serves, and what happens when
 * pinned memory is used up. These decisions do not matter when an object is freed: the address of
 * the object tells which allocator it came from, and that allocator frees it.
 */
#ifndef PN_ROUTE_H
#define PN_ROUTE_H

#include "config/config.h"
#include "front/alloc.h"
#include "front/runtime.h"

/**
 * struct pn_route - which sizes go to pinned memory
 * @span: number of sizes: a size goes to pinned memory if size - @min is less than @span
 * @min: smallest size that goes to pinned memory
 * @fails: when pinned memory is used up, fail; else fall back to the next malloc
 */
struct pn_route {
	size_t span;
	size_t min;
	bool fails;
};

extern struct pn_route pn_route;

/* Sets the route from @config, whose max must not be less than its min. */
void pn_route_set(const struct pn_config *config);

/* Returns whether a request of @size bytes goes to pinned memory. */
static inline bool pn_route_is_pinned(size_t size)
{
	return pn_likely(size - pn_route.min < pn_route.span);
}

/* Returns whether @ptr points to an object in pinned memory. */
static inline bool pn_route_is_ours(const void *ptr)
{
	return pn_arena_has(ptr) && !pn_arena_is_foreign(ptr);
}

/*
 * Call this when pinned memory cannot serve a request of @size bytes. Returns true if the request
 * falls back to the next malloc; otherwise returns false and sets errno to ENOMEM.
 */
bool pn_route_falls_back(size_t size);
/* Counts @object, which fell back to the next malloc. Returns true for the process's first one. */
bool pn_route_count(void *object, size_t size);

struct pn_fallback pn_route_get_fallback(void);

#endif /* PN_ROUTE_H */

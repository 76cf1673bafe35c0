// SPDX-License-Identifier: MIT
/* The state of routing, and the count of requests that fell back to the next malloc. */
#include "route.h"

#include <errno.h>
#include <stdint.h>

#include "os/probe.h"
#include "os/watch.h"

struct pn_route pn_route;

static struct pn_fallback fallback;
PN_WATCH_VARIABLE(fallback, fallback);

void pn_route_set(const struct pn_config *config)
{
	size_t range = config->max - config->min;

	pn_route = (struct pn_route){
		.span = range + (range != SIZE_MAX),
		.min = config->min,
		.fails = config->policy == PN_POLICY_FAIL,
	};
}

bool pn_route_falls_back(size_t size)
{
	/* No allocator can serve more than PTRDIFF_MAX, so that is a failure and not a fallback. */
	if (!pn_route.fails && size <= PTRDIFF_MAX)
		return true;
	errno = ENOMEM;
	return false;
}

bool pn_route_count(void *object, size_t size)
{
	uint64_t before = __atomic_fetch_add(&fallback.requests, 1, __ATOMIC_RELAXED);

	__atomic_fetch_add(&fallback.bytes, size, __ATOMIC_RELAXED);
	PN_PROBE2(fallback, object, size);
	return !before;
}

struct pn_fallback pn_route_get_fallback(void)
{
	return (struct pn_fallback){
		.requests = __atomic_load_n(&fallback.requests, __ATOMIC_RELAXED),
		.bytes = __atomic_load_n(&fallback.bytes, __ATOMIC_RELAXED),
	};
}

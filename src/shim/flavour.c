// SPDX-License-Identifier: MIT
/*
 * How libmalloc-pinned differs from libpinned: it has its own environment variable and a
 * configuration file for the whole system, and its backend `auto` means the driver only. A program
 * into which this library is preloaded need not know of pinned memory, so it gets the backends
 * hugetlb and anon only if the configuration names them.
 *
 * A program that does not use pinned memory for malloc may still be linked to libpinned. This
 * library then takes the place of libpinned and behaves like it.
 */
#include "next.h"
#include "route.h"

static const enum pn_backend_kind automatic[] = { PN_BACKEND_DEVICE, PN_BACKEND_AUTO };

static void free_next(void *ptr)
{
	pn_next.free(ptr);
}

const struct pn_flavour pn_flavour = {
	.variable = "MALLOC_PINNED_CONF",
	.file = "/etc/malloc-pinned.conf",
	.off_file = "/etc/malloc-pinned.disabled",
	.library_variable = "PINNED_CONF",
	.automatic = automatic,
	.fallback = pn_route_get_fallback,
	.free_foreign = free_next,
};

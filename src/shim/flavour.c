// SPDX-License-Identifier: MIT
/*
 * What makes this library libmalloc-pinned and not libpinned: its own variable, a
 * file for the whole system, and an `auto` that means the driver or nothing. Huge pages or ordinary memory
 * under an unsuspecting program are for those who name them. A program that passes through may be
 * linked to libpinned, which is this library then, and does what libpinned would.
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

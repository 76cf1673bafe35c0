// SPDX-License-Identifier: MIT
/* What makes this library libpinned and not libmalloc-pinned. */
#include "runtime.h"

static const enum pn_backend_kind automatic[] = {
	PN_BACKEND_DEVICE,
	PN_BACKEND_HUGETLB,
	PN_BACKEND_ANON,
	PN_BACKEND_AUTO,
};

const struct pn_flavour pn_flavour = {
	.variable = "PINNED_CONF",
	.automatic = automatic,
};

// SPDX-License-Identifier: MIT
/* The settings that make this library libpinned and not libmalloc-pinned. */
#include "front/runtime.h"

const struct pn_flavour pn_flavour = {
	.variable = "PINNED_CONF",
};

/* SPDX-License-Identifier: MIT */
/* Call stacks: the return addresses on the stack, found by the compiler's unwinder. */
#ifndef PN_CALLERS_H
#define PN_CALLERS_H

#include "os/base.h"

/*
 * Finds the unwinder. This may load a library, so call it where loading is allowed, and not inside
 * malloc.
 */
void pn_callers_prepare(void);

/*
 * Stores up to @most return addresses, innermost first, without those inside this library. Return:
 * how many; 0 before pn_callers_prepare(), and where there is no unwinder.
 */
size_t pn_callers_get(uintptr_t *addresses, size_t most);

#endif /* PN_CALLERS_H */

/* SPDX-License-Identifier: MIT */
/* Who called: the return addresses on the stack, by the compiler's unwinder. */
#ifndef PN_CALLERS_H
#define PN_CALLERS_H

#include "os/base.h"

/*
 * Find the unwinder. It may load a library, so it is done where that is allowed,
 * and not inside malloc.
 */
void pn_callers_prepare(void);

/*
 * Up to @most return addresses, innermost first, without those inside this library.
 * Return: how many; 0 before pn_callers_prepare() and where there is no unwinder.
 */
size_t pn_callers_get(uintptr_t *addresses, size_t most);

#endif /* PN_CALLERS_H */

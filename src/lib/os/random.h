/* SPDX-License-Identifier: MIT */
/*
 * Numbers for placing objects, that a program's input cannot foretell, and for
 * choosing samples. Not for keys.
 */
#ifndef PN_RANDOM_H
#define PN_RANDOM_H

#include "os/base.h"

/* Take a seed from the kernel, and place objects by chance. */
void pn_random_init(void);
/* In a forked child: another seed, so that it does not go on with its parent's numbers. */
void pn_random_in_child(void);
/* Has that been done? Written at initialisation only. */
extern bool pn_random_is_on;
/* The next one; always the same numbers without a seed. Safe in threads. */
uint64_t pn_random_next(void);
/* The next one below @limit, which is not 0. Safe in threads. */
size_t pn_random_below(size_t limit);

#endif /* PN_RANDOM_H */

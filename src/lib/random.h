/* SPDX-License-Identifier: MIT */
/* Numbers that a program's input cannot foretell, for placing objects. Not for keys. */
#ifndef PN_RANDOM_H
#define PN_RANDOM_H

#include "base.h"

/* Take a seed from the kernel. */
void pn_random_init(void);
/* Has that been done? Written at initialisation only. */
extern bool pn_random_is_on;
/* The next one below @limit, which is not 0. Safe in threads. */
size_t pn_random_below(size_t limit);

#endif /* PN_RANDOM_H */

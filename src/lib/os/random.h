/* SPDX-License-Identifier: MIT */
/*
 * Random numbers for placing objects, which a program's input cannot predict, and for choosing
 * samples. They are not fit for cryptographic keys.
 */
#ifndef PN_RANDOM_H
#define PN_RANDOM_H

#include "os/base.h"

/* Takes a seed from the kernel, and turns random placing of objects on. */
void pn_random_init(void);
/* In a forked child: takes another seed, so that the child's numbers differ from its parent's. */
void pn_random_in_child(void);
/* True after pn_random_init(): objects are placed at random. Written at initialisation only. */
extern bool pn_random_is_on;
/* Returns the next number. Without a seed, the numbers are always the same. Thread-safe. */
uint64_t pn_random_next(void);
/* Returns a number below @limit, which is not 0. Thread-safe. */
size_t pn_random_below(size_t limit);

#endif /* PN_RANDOM_H */

/* SPDX-License-Identifier: MIT */
/*
 * Pins: memory that the program has mapped itself, which the driver holds for devices, and the
 * cache of pins that are not in use.
 */
#ifndef PN_PINS_H
#define PN_PINS_H

#include "os/base.h"
#include "pinned.h"

/*
 * Pins the pages of a range, or counts one more use of a pin of exactly these pages. Return: 0 or
 * an errno, as pinned_pin().
 */
int pn_pins_add(const void *ptr, size_t len);
/* Undoes one pn_pins_add() of the same pages. Return: 0, or EINVAL if there is none. */
int pn_pins_remove(const void *ptr, size_t len);
/* Ends all pins that are not in use. */
void pn_pins_purge(void);

/*
 * Translations of memory that is pinned, and in use; safe in signal handlers. They return what
 * pinned_v2p_sg() and pinned_v2p() return.
 */
long pn_pins_sg(const void *ptr, size_t len, struct pinned_extent *extents, size_t count);
uint64_t pn_pins_v2p(const void *ptr);

#endif /* PN_PINS_H */

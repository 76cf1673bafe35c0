/* SPDX-License-Identifier: MIT */
/* Pins memory that is not the library's, for pinned_pin() and pinned_map(). */
#ifndef PN_API_PIN_H
#define PN_API_PIN_H

#include "os/base.h"

/* Pins a range that begins outside of the library's memory. Return: 0 or an errno. */
int pn_pin_other(const void *ptr, size_t len);
/* Undoes one pn_pin_other() of the same pages. Return: 0 or EINVAL. */
int pn_unpin_other(const void *ptr, size_t len);

#endif /* PN_API_PIN_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The limits, in chunks: for all pools together, for chunks below 4 GiB, for each user, for each
 * pool.
 */
#ifndef PINNED_MEM_LIMITS_H
#define PINNED_MEM_LIMITS_H

#include <linux/types.h>

void pinned_limits_init(void);

unsigned long pinned_limit_all(void);
unsigned long pinned_limit_low(void);
unsigned long pinned_limit_user(void);
unsigned long pinned_limit_pool(void);
bool pinned_limit_has_memlock(void);

#endif /* PINNED_MEM_LIMITS_H */

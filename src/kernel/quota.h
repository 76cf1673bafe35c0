/* SPDX-License-Identifier: GPL-2.0-only */
/* How many chunks the driver may hold, all pools together. */
#ifndef PINNED_MEM_QUOTA_H
#define PINNED_MEM_QUOTA_H

#include <linux/types.h>

void pinned_quota_init(void);
bool pinned_quota_charge(void);
void pinned_quota_uncharge(void);
unsigned long pinned_quota_used(void);
unsigned long pinned_quota_limit(void);

#endif /* PINNED_MEM_QUOTA_H */

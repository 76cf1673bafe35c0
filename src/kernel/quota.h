/* SPDX-License-Identifier: GPL-2.0-only */
/* How much the driver may hold: all together, for each user, for each pool. */
#ifndef PINNED_MEM_QUOTA_H
#define PINNED_MEM_QUOTA_H

#include <linux/types.h>

struct mm_struct;
struct pinned_user;

void pinned_quota_init(void);

struct pinned_user *pinned_user_find(void);
struct pinned_user *pinned_user_get(struct pinned_user *user);
void pinned_user_put(struct pinned_user *user);
unsigned long pinned_user_chunks(struct pinned_user *user);

bool pinned_quota_charge(struct pinned_user *user);
void pinned_quota_uncharge(struct pinned_user *user);
bool pinned_quota_charge_copy(void);
void pinned_quota_uncharge_copy(void);

int pinned_quota_charge_pool(struct mm_struct *mm, atomic_long_t *chunks, unsigned long count);
void pinned_quota_uncharge_pool(struct mm_struct *mm, atomic_long_t *chunks, unsigned long count);

unsigned long pinned_quota_used(void);
unsigned long pinned_quota_copies(void);
unsigned long pinned_quota_limit(void);
unsigned long pinned_quota_user_limit(void);
unsigned long pinned_quota_pool_limit(void);

#endif /* PINNED_MEM_QUOTA_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Charges: how much the driver holds, in total, for each user, for each pool, and below 4 GiB. */
#ifndef PINNED_MEM_QUOTA_H
#define PINNED_MEM_QUOTA_H

#include <linux/types.h>

struct pinned_account;

struct pinned_account *pinned_account_create(void);
struct pinned_account *pinned_account_get(struct pinned_account *account);
void pinned_account_put(struct pinned_account *account);
void pinned_account_close(struct pinned_account *account);
unsigned long pinned_account_chunks(struct pinned_account *account);
unsigned long pinned_account_user_chunks(struct pinned_account *account);
unsigned long pinned_account_pages(struct pinned_account *account);

int pinned_quota_charge(struct pinned_account *account, unsigned long count, bool *does_rest_help);
void pinned_quota_uncharge(struct pinned_account *account, unsigned long count);
int pinned_quota_charge_pages(struct pinned_account *account, unsigned long count);
void pinned_quota_uncharge_pages(struct pinned_account *account, unsigned long count);
void pinned_quota_rest(struct pinned_account *account);
void pinned_quota_unrest(struct pinned_account *account);
bool pinned_quota_has_low(void);
bool pinned_quota_charge_low(void);
void pinned_quota_uncharge_low(void);
bool pinned_quota_charge_copy(struct pinned_account *account);
void pinned_quota_uncharge_copy(struct pinned_account *account);

unsigned long pinned_quota_used(void);
unsigned long pinned_quota_resting(void);
unsigned long pinned_quota_low(void);
unsigned long pinned_quota_copies(void);

#endif /* PINNED_MEM_QUOTA_H */

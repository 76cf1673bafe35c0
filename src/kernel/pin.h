/* SPDX-License-Identifier: GPL-2.0-only */
/* Pins: memory of the pool's owner that the driver did not provide, held for devices. */
#ifndef PINNED_MEM_PIN_H
#define PINNED_MEM_PIN_H

#include <linux/errno.h>
#include <linux/kconfig.h>
#include <linux/types.h>
#include <uapi/pinned_mem.h>

struct pinned_pool;

#ifdef CONFIG_MMU_NOTIFIER

#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct page;
struct pinned_account;

/**
 * struct pinned_pin - a range of pages that is pinned
 * @notifier:	watches the range
 * @lock:	see pin.c; also orders PIN and the notifier
 * @pool:	the pool; invalid once the pin was removed from the pool's table
 * @account:	account that the pages are charged to
 * @id:		index in pool->pins
 * @is_live:	the pages are known to be those of the range; under @lock
 * @is_told:	the program has been told physical addresses
 * @notice:	page that contains the notice, pinned as well; or NULL
 * @notice_at:	offset of the notice in that page, in bytes
 * @work:	ends the pin
 * @until:	end of the rest, in jiffies
 * @node:	entry in `resting`
 * @pinned:	number of entries in @pages
 * @charged:	number of pages that are charged
 * @pages:	the pages, each pinned
 */
struct pinned_pin {
	struct mmu_interval_notifier notifier;
	spinlock_t lock;
	struct pinned_pool *pool;
	struct pinned_account *account;
	u32 id;
	bool is_live;
	bool is_told;
	struct page *notice;
	unsigned int notice_at;
	struct delayed_work work;
	unsigned long until;
	struct list_head node;
	unsigned long pinned;
	unsigned long charged;
	struct page **pages;
};

int pinned_pin_init(void);
void pinned_pin_exit(void);
void pinned_pins_init(struct pinned_pool *pool);
void pinned_pins_destroy(struct pinned_pool *pool);
int pinned_pin_begin(struct pinned_pool *pool, struct pinned_mem_pin *request);
int pinned_pin_end(struct pinned_pool *pool, u32 id);

/* For pin_begin.c. */
int pinned_pin_watch(struct pinned_pin *pin, unsigned long start, unsigned long length);
void pinned_pin_unpin_pages(struct pinned_pin *pin);
void pinned_pin_free(struct pinned_pin *pin);

#else

static inline int pinned_pin_init(void)
{
	return 0;
}

static inline void pinned_pin_exit(void)
{
}

static inline void pinned_pins_init(struct pinned_pool *pool)
{
}

static inline void pinned_pins_destroy(struct pinned_pool *pool)
{
}

static inline int pinned_pin_begin(struct pinned_pool *pool, struct pinned_mem_pin *request)
{
	return -EOPNOTSUPP;
}

static inline int pinned_pin_end(struct pinned_pool *pool, u32 id)
{
	return -EOPNOTSUPP;
}

#endif

#endif /* PINNED_MEM_PIN_H */

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

int pinned_pin_init(void);
void pinned_pin_exit(void);
void pinned_pins_init(struct pinned_pool *pool);
void pinned_pins_destroy(struct pinned_pool *pool);
int pinned_pin_begin(struct pinned_pool *pool, struct pinned_mem_pin *request);
int pinned_pin_end(struct pinned_pool *pool, u32 id);

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

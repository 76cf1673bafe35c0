/* SPDX-License-Identifier: GPL-2.0-only */
/* Watches: tell a driver that holds a range when the owner lets go of the memory. */
#ifndef PINNED_MEM_WATCH_H
#define PINNED_MEM_WATCH_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>

/**
 * struct pinned_watch - calls a driver's function once, when the owner lets go of the memory
 * @node:	entry in a pool's list of watches; empty before the watch begins, and once it has
 *		fired or ended
 * @first:	first slot that is watched
 * @last:	last slot that is watched
 * @work:	calls @revoked
 * @revoked:	the driver's function; NULL if the driver wants no notice
 * @data:	argument of @revoked
 */
struct pinned_watch {
	struct list_head node;
	unsigned long first;
	unsigned long last;
	struct work_struct work;
	void (*revoked)(void *data);
	void *data;
};

void pinned_watch_init(struct pinned_watch *watch, void (*revoked)(void *data), void *data);
void pinned_watch_begin(struct list_head *watches, struct pinned_watch *watch, unsigned long slot,
			unsigned long count);
void pinned_watch_fire(struct list_head *watches, unsigned long first, unsigned long last);
void pinned_watch_end(struct pinned_watch *watch);

#endif /* PINNED_MEM_WATCH_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches: tell a driver that holds a range when the owner lets go of the memory: by PUNCH, by
 * giving the pool up, or by its death. A watch ends when it has fired.
 *
 * The driver is told from a work queue, without locks, so that it may sleep and wait for its
 * device.
 *
 * Lifetime: a watch is part of a range. A pool that is destroyed has fired all its watches before,
 * since its owner is dead; so no list outlives its watches, and no watch its list.
 *
 * Locks: `lock` protects the lists of all pools, and nests inside pool->lock.
 */
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "watch.h"

static DEFINE_SPINLOCK(lock);

static void tell(struct work_struct *work)
{
	struct pinned_watch *watch = container_of(work, struct pinned_watch, work);

	watch->revoked(watch->data);
}

void pinned_watch_init(struct pinned_watch *watch, void (*revoked)(void *data), void *data)
{
	INIT_LIST_HEAD(&watch->node);
	INIT_WORK(&watch->work, tell);
	watch->revoked = revoked;
	watch->data = data;
}

/* Watches @count slots from @slot on, if the driver wants to be told. */
void pinned_watch_begin(struct list_head *watches, struct pinned_watch *watch, unsigned long slot,
			unsigned long count)
{
	if (!watch->revoked)
		return;
	watch->first = slot;
	watch->last = slot + count - 1;
	spin_lock(&lock);
	list_add(&watch->node, watches);
	spin_unlock(&lock);
}

/* Tells the drivers that hold memory of the slots from @first to @last that the owner let go. */
void pinned_watch_fire(struct list_head *watches, unsigned long first, unsigned long last)
{
	struct pinned_watch *watch, *next;

	/* The caller serialises with pinned_watch_begin(): nobody may see a new watch too late. */
	if (list_empty(watches))
		return;
	spin_lock(&lock);
	list_for_each_entry_safe(watch, next, watches, node) {
		if (watch->first > last || watch->last < first)
			continue;
		list_del_init(&watch->node);
		queue_work(system_long_wq, &watch->work);
	}
	spin_unlock(&lock);
}

/* Ends a watch. When this function returns, the driver's function is not running any more. */
void pinned_watch_end(struct pinned_watch *watch)
{
	spin_lock(&lock);
	list_del_init(&watch->node);
	spin_unlock(&lock);
	cancel_work_sync(&watch->work);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches: tell a driver that holds a range when the owner lets go of the memory. A watch fires
 * when the owner PUNCHes one of the slots, when the driver notices the owner's death (view.c), and
 * at the latest when the pool is destroyed. A watch ends when it has fired.
 *
 * A work queue calls the driver's function, without locks, so that the function may sleep and wait
 * for its device.
 *
 * Lifetime: a watch is part of a range. pinned_pool_destroy() fires all watches that are left, and
 * so removes them from the pool's list. Hence no watch is on the list of a pool that is gone.
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

/*
 * Begins to watch @count slots from @slot on, if the driver has passed a function to call. The
 * caller holds pool->lock.
 */
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

/*
 * Fires the watches of the slots from @first to @last, whose owner has let go of the memory. The
 * caller holds pool->lock, or is destroying the pool.
 */
void pinned_watch_fire(struct list_head *watches, unsigned long first, unsigned long last)
{
	struct pinned_watch *watch, *next;

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

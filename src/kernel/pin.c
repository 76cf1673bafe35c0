// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins, from PIN (pin_begin.c) to their end. The pages of a pin stay allocated until the pin ends,
 * whatever the program does to its mappings.
 *
 * An interval notifier watches the range: as soon as the kernel is about to change the page at
 * an address of the range, because of munmap(), mremap(), truncation or the like, the addresses
 * that the program was told do not describe the range any more, and the pin is *gone*. The driver
 * then sets a bit in a word of the program's memory (the notice), before the change can be seen. A
 * change of protection, and the write protection by a fork, leave the pages in place: a fork
 * gives the child a copy of each page that is pinned for long, and the parent keeps the page.
 *
 * A pin ends by UNPIN; when the pool is destroyed; when the pin is gone while the notice shows no
 * use; or some time after the owner's address space has gone. If a device may still write to the
 * pages, because the owner closed the pool or died without UNPIN, then the pages rest for
 * quarantine_ms before they are freed, as chunks do.
 *
 * Lifetime: the table pool->pins owns the pins. Whoever removes a pin from that table, under its
 * lock, ends the pin: UNPIN, the pin's work, or the destruction of the pool. Nobody else may touch
 * a pin that was found in the table, since the pin may be freed at once. stop_pin() stops the
 * notifier and the work, in this order, because the notifier queues the work. A pin holds a
 * reference to its account, so that a resting pin may outlive the pool.
 *
 * Locks: pin->lock is a spinlock that nests inside everything that may call a notifier. The xa_lock
 * of pool->pins nests inside pin->lock. `resting_lock` protects the list of resting pins, and is
 * innermost. No other lock of the driver is held here, because pinning takes mmap_lock, and a fault
 * in a mapping of a pool takes pool->lock.
 */
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "base.h"
#include "compat.h"
#include "pin.h"
#include "pool.h"
#include "quarantine.h"
#include "quota.h"

static struct workqueue_struct *queue;

static DEFINE_SPINLOCK(resting_lock);
static LIST_HEAD(resting);

static void end_rests(struct work_struct *work);
static DECLARE_DELAYED_WORK(rest_work, end_rests);

/* Unpins the pages of a pin, which may be none. */
void pinned_pin_unpin_pages(struct pinned_pin *pin)
{
	unpin_user_pages_dirty_lock(pin->pages, pin->pinned, true);
	pin->pinned = 0;
}

/* Frees a pin that nothing refers to any more. */
void pinned_pin_free(struct pinned_pin *pin)
{
	pinned_pin_unpin_pages(pin);
	if (pin->notice)
		unpin_user_pages_dirty_lock(&pin->notice, 1, true);
	pinned_quota_uncharge_pages(pin->account, pin->charged);
	pinned_account_put(pin->account);
	kvfree(pin->pages);
	kfree(pin);
}

/* Frees the pins whose rest is over. */
static void end_rests(struct work_struct *work)
{
	struct pinned_pin *pin, *next;
	LIST_HEAD(over);

	spin_lock(&resting_lock);
	list_for_each_entry_safe(pin, next, &resting, node)
		if (time_after_eq(jiffies, pin->until))
			list_move(&pin->node, &over);
	if (!list_empty(&resting))
		queue_delayed_work(queue, &rest_work, HZ / 10);
	spin_unlock(&resting_lock);
	list_for_each_entry_safe(pin, next, &over, node)
		pinned_pin_free(pin);
}

static unsigned long rest_in_jiffies(void)
{
	return msecs_to_jiffies(pinned_quarantine_ms());
}

/* Frees a pin that was removed, after its rest. */
static void let_rest(struct pinned_pin *pin)
{
	unsigned long rest = rest_in_jiffies();

	spin_lock(&resting_lock);
	pin->until = jiffies + rest;
	list_add_tail(&pin->node, &resting);
	queue_delayed_work(queue, &rest_work, min(rest, (unsigned long)HZ / 10));
	spin_unlock(&resting_lock);
}

/*
 * Sets the bit of the notice that says that the pin is gone. Returns the number of uses that the
 * notice shows; 1 if the pin has no notice.
 */
static u32 say_gone(struct pinned_pin *pin)
{
	void *page;
	u32 old;

	if (!pin->notice)
		return 1;
	page = kmap_local_page(pin->notice);
	old = atomic_fetch_or(PINNED_MEM_PIN_GONE, (atomic_t *)(page + pin->notice_at));
	kunmap_local(page);
	return old & ~PINNED_MEM_PIN_GONE;
}

/*
 * Removes the pin with the number @id from the pool's table. The caller then ends the pin. Returns
 * NULL if there is none: another thread may have removed the pin, and even freed it.
 */
static struct pinned_pin *take_pin(struct pinned_pool *pool, u32 id)
{
	struct pinned_pin *pin;

	xa_lock(&pool->pins);
	/* A number that a PIN in progress has reserved loads as NULL, and stays reserved. */
	pin = xa_load(&pool->pins, id);
	if (pin)
		__xa_erase(&pool->pins, id);
	xa_unlock(&pool->pins);
	return pin;
}

/* Waits until publish() has released the pin's lock. */
static void wait_for_publisher(struct pinned_pin *pin)
{
	spin_lock(&pin->lock);
	spin_unlock(&pin->lock);
}

/*
 * Ends a pin that is gone, as the pin's work: nobody uses the pin, or the owner's address space has
 * gone and the rest is over.
 */
static void end_gone(struct work_struct *work)
{
	struct pinned_pin *pin = container_of(to_delayed_work(work), struct pinned_pin, work);

	/* Whoever has removed the pin waits for this work, so the pin is still there to be read. */
	if (xa_cmpxchg(&pin->pool->pins, pin->id, pin, NULL, 0) != pin)
		return;
	wait_for_publisher(pin);
	mmu_interval_notifier_remove(&pin->notifier);
	/* The notifier may have queued the work once more while the work runs. */
	cancel_delayed_work(&pin->work);
	pinned_pin_free(pin);
}

/* Stops the notifier and the work of a pin that the caller has taken. */
static void stop_pin(struct pinned_pin *pin)
{
	wait_for_publisher(pin);
	mmu_interval_notifier_remove(&pin->notifier);
	cancel_delayed_work_sync(&pin->work);
}

/**
 * pinned_pin_end() - ends a pin; UNPIN
 * @pool: a pool of the current address space
 * @id: the pin's number
 *
 * Return: 0; -ENOENT if the pool has no such pin.
 */
int pinned_pin_end(struct pinned_pool *pool, u32 id)
{
	struct pinned_pin *pin = take_pin(pool, id);

	if (!pin)
		return -ENOENT;
	stop_pin(pin);
	pinned_pin_free(pin);
	return 0;
}

/*
 * Ends the pins of a pool that is being destroyed: there is no call in progress, but the work of
 * pins that are gone may run.
 */
void pinned_pins_destroy(struct pinned_pool *pool)
{
	struct pinned_pin *pin;
	unsigned long id;

	/* The work may free a pin as soon as xa_for_each() has found it. */
	xa_for_each(&pool->pins, id, pin) {
		pin = take_pin(pool, id);
		if (!pin)
			continue;
		stop_pin(pin);
		if (say_gone(pin) && pin->is_told)
			let_rest(pin);
		else
			pinned_pin_free(pin);
	}
	/* Takes the lock: afterwards, no work that has removed its pin holds the lock any more. */
	xa_destroy(&pool->pins);
}

/* The notifier. */

static bool changes_pages(enum mmu_notifier_event event)
{
	return event != MMU_NOTIFY_PROTECTION_VMA && event != MMU_NOTIFY_PROTECTION_PAGE &&
	       event != MMU_NOTIFY_SOFT_DIRTY;
}

/*
 * Says in the notice that the pin is gone, because the pages of the range are about to change.
 * Queues the work that ends the pin: at once if the notice shows no use, after the rest if the
 * address space is ending. Does not sleep.
 */
static void lose_pages_locked(struct pinned_pin *pin, bool is_exit)
{
	lockdep_assert_held(&pin->lock);
	if (!say_gone(pin))
		queue_delayed_work(queue, &pin->work, 0);
	else if (is_exit)
		queue_delayed_work(queue, &pin->work, rest_in_jiffies());
}

static bool invalidate(struct mmu_interval_notifier *notifier,
		       const struct mmu_notifier_range *range, unsigned long seq)
{
	struct pinned_pin *pin = container_of(notifier, struct pinned_pin, notifier);

	if (!changes_pages(range->event))
		return true;
	spin_lock(&pin->lock);
	mmu_interval_set_seq(notifier, seq);
	if (pin->is_live)
		lose_pages_locked(pin, range->event == MMU_NOTIFY_RELEASE);
	spin_unlock(&pin->lock);
	return true;
}

static const struct mmu_interval_notifier_ops notifier_ops = {
	.invalidate = invalidate,
};

/**
 * pinned_pin_watch() - begins to watch the range of a new pin
 * @pin: the pin
 * @start: first address
 * @length: length in bytes
 *
 * Return: 0 or an error of mmu_interval_notifier_insert().
 */
int pinned_pin_watch(struct pinned_pin *pin, unsigned long start, unsigned long length)
{
	spin_lock_init(&pin->lock);
	INIT_DELAYED_WORK(&pin->work, end_gone);
	return mmu_interval_notifier_insert(&pin->notifier, current->mm, start, length,
					    &notifier_ops);
}

void pinned_pins_init(struct pinned_pool *pool)
{
	xa_init_flags(&pool->pins, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
}

int pinned_pin_init(void)
{
	queue = alloc_workqueue("pinned_mem", WQ_UNBOUND, 0);
	return queue ? 0 : -ENOMEM;
}

/* Frees the pins that rest, and waits for works that still run. No pool exists any more. */
void pinned_pin_exit(void)
{
	struct pinned_pin *pin, *next;

	cancel_delayed_work_sync(&rest_work);
	list_for_each_entry_safe(pin, next, &resting, node)
		pinned_pin_free(pin);
	destroy_workqueue(queue);
}

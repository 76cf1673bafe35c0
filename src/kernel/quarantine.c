// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a chunk from its last user back to its source.
 *
 * Most chunks go at once. Two kinds wait here: those whose owner died after it
 * had been told their physical address rest for quarantine_ms, since a device
 * may still be writing to them; and those that the source cannot take while
 * somebody else has a reference to the page (a pin that outlives the owner), or
 * whose cache attributes must be restored first, are looked at again from time
 * to time until nobody has.
 *
 * Locks: `lock` covers the two lists and their counts and nests inside all
 * others; the sources are called without it. A chunk on a list belongs to the
 * list alone. What rests may be given up early: when POPULATE finds no memory,
 * under memory pressure (the shrinker), and when the driver goes. What is busy
 * never is, and keeps the driver from being unloaded; what turns out to be busy
 * only while the driver goes is waited for.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "base.h"
#include "compat.h"
#include "quarantine.h"
#include "record.h"
#include "stat.h"
#include "trace.h"

#define QUARANTINE_MS_MAX (60 * 60 * 1000)
#define BUSY_CHECK_MS 50

static DEFINE_SPINLOCK(lock);
static LIST_HEAD(resting); /* in the order in which their time ends */
static LIST_HEAD(busy);
static unsigned long n_resting, n_busy;
static unsigned long next_look; /* jiffies, if planned */
static bool is_look_planned;
static struct shrinker *shrinker;

static unsigned int quarantine_ms = 1000;

static int set_quarantine_ms(const char *text, const struct kernel_param *kp)
{
	unsigned int ms;
	int err = kstrtouint(text, 0, &ms);

	if (err)
		return err;
	if (ms > QUARANTINE_MS_MAX)
		return -EINVAL;
	WRITE_ONCE(quarantine_ms, ms);
	return 0;
}

static const struct kernel_param_ops quarantine_ms_ops = {
	.set = set_quarantine_ms,
	.get = param_get_uint,
};

module_param_cb(quarantine_ms, &quarantine_ms_ops, &quarantine_ms, 0644);
MODULE_PARM_DESC(quarantine_ms, "milliseconds for which chunks of a dead owner stay in quarantine");

static void look_again(struct work_struct *work);
static DECLARE_DELAYED_WORK(look_work, look_again);

static struct pinned_chunk *take_first_locked(struct list_head *list, unsigned long *count)
{
	struct pinned_chunk *chunk = list_first_entry_or_null(list, struct pinned_chunk, node);

	lockdep_assert_held(&lock);
	if (chunk) {
		list_del_init(&chunk->node);
		WRITE_ONCE(*count, *count - 1);
	}
	return chunk;
}

/* Look again by then, or earlier. */
static void look_in(unsigned long delay)
{
	unsigned long when = jiffies + delay;

	spin_lock(&lock);
	if (!is_look_planned || time_before(when, next_look)) {
		is_look_planned = true;
		next_look = when;
		mod_delayed_work(system_long_wq, &look_work, delay);
	}
	spin_unlock(&lock);
}

/* In the order of their ends, which is the order in which they come unless the time was changed. */
static void add_resting_locked(struct pinned_chunk *chunk)
{
	struct list_head *after = resting.prev;

	lockdep_assert_held(&lock);
	while (after != &resting &&
	       time_after(list_entry(after, struct pinned_chunk, node)->until, chunk->until))
		after = after->prev;
	list_add(&chunk->node, after);
	WRITE_ONCE(n_resting, n_resting + 1);
}

/* Give a chunk back, or note that somebody else still has it. Return: it went. */
static bool give_back(struct pinned_chunk *chunk)
{
	bool held = chunk->holds_module;

	if (pinned_record_can_free(chunk)) {
		pinned_record_free(chunk);
		if (held)
			module_put(THIS_MODULE);
		return true;
	}
	if (!held)
		chunk->holds_module = try_module_get(THIS_MODULE);
	spin_lock(&lock);
	list_add_tail(&chunk->node, &busy);
	WRITE_ONCE(n_busy, n_busy + 1);
	spin_unlock(&lock);
	pinned_count(PINNED_BUSY);
	trace_pinned_mem_quarantine(true, n_resting, n_busy);
	look_in(msecs_to_jiffies(BUSY_CHECK_MS));
	return false;
}

/**
 * pinned_quarantine_return() - let a chunk go that nothing of the driver's holds any more
 * @chunk: the chunk; do not touch it afterwards
 * @must_rest: a device may still be writing to it
 */
void pinned_quarantine_return(struct pinned_chunk *chunk, bool must_rest)
{
	unsigned long rest = msecs_to_jiffies(READ_ONCE(quarantine_ms));

	if (!must_rest || !rest) {
		give_back(chunk);
		return;
	}
	chunk->until = jiffies + rest;
	spin_lock(&lock);
	add_resting_locked(chunk);
	spin_unlock(&lock);
	pinned_count(PINNED_REST);
	trace_pinned_mem_quarantine(false, n_resting, n_busy);
	look_in(rest);
}

/* Everything on @busy is looked at once; what is still busy comes back to the list. */
static void look_at_busy(void)
{
	unsigned long rounds = READ_ONCE(n_busy);
	struct pinned_chunk *chunk;

	while (rounds--) {
		spin_lock(&lock);
		chunk = take_first_locked(&busy, &n_busy);
		spin_unlock(&lock);
		if (!chunk)
			break;
		give_back(chunk);
		cond_resched();
	}
}

/* Return: the first chunk whose rest is over; or NULL, and when to look again. */
static struct pinned_chunk *take_rested(unsigned long *next)
{
	struct pinned_chunk *chunk;

	spin_lock(&lock);
	chunk = list_first_entry_or_null(&resting, struct pinned_chunk, node);
	if (chunk && time_before(jiffies, chunk->until)) {
		*next = chunk->until - jiffies;
		chunk = NULL;
	}
	if (chunk)
		take_first_locked(&resting, &n_resting);
	spin_unlock(&lock);
	return chunk;
}

static void look_again(struct work_struct *work)
{
	struct pinned_chunk *chunk;
	unsigned long next = 0;

	spin_lock(&lock);
	is_look_planned = false;
	spin_unlock(&lock);
	while ((chunk = take_rested(&next))) {
		give_back(chunk);
		cond_resched();
	}
	look_at_busy();
	if (READ_ONCE(n_busy))
		next = msecs_to_jiffies(BUSY_CHECK_MS);
	if (next)
		look_in(next);
}

/**
 * pinned_quarantine_drain() - end the rest of the chunks that have rested longest
 * @count: chunks that are wanted
 *
 * Return: how many went back to their sources.
 */
unsigned long pinned_quarantine_drain(unsigned long count)
{
	struct pinned_chunk *chunk;
	unsigned long given = 0;

	while (given < count) {
		spin_lock(&lock);
		chunk = take_first_locked(&resting, &n_resting);
		spin_unlock(&lock);
		if (!chunk)
			break;
		given += give_back(chunk);
	}
	return given;
}

/* Chunks that rest, and chunks that wait for somebody else's reference. */
unsigned long pinned_quarantine_resting(void)
{
	return READ_ONCE(n_resting);
}

unsigned long pinned_quarantine_busy(void)
{
	return READ_ONCE(n_busy);
}

static unsigned long count_objects(struct shrinker *s, struct shrink_control *control)
{
	return pinned_quarantine_resting() ?: SHRINK_EMPTY;
}

static unsigned long scan_objects(struct shrinker *s, struct shrink_control *control)
{
	return pinned_quarantine_drain(max(control->nr_to_scan >> PINNED_CHUNK_ORDER, 1UL))
		       ?: SHRINK_STOP;
}

int pinned_quarantine_init(void)
{
	shrinker = shrinker_alloc(0, "pinned_mem");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = count_objects;
	shrinker->scan_objects = scan_objects;
	shrinker_register(shrinker);
	return 0;
}

/* No pool, dma-buf or lent range is left: nothing can come any more. */
void pinned_quarantine_exit(void)
{
	shrinker_free(shrinker);
	pinned_quarantine_drain(ULONG_MAX);
	while (pinned_quarantine_busy()) {
		look_at_busy();
		msleep(BUSY_CHECK_MS);
	}
	cancel_delayed_work_sync(&look_work);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins: PIN holds pages that a program has mapped by itself, such as a stack, static memory or a
 * file in a tmpfs, and tells their physical addresses.
 *
 * The pages of a pin stay allocated until the pin ends, whatever the program does to its mappings.
 * An interval notifier watches the range: as soon as the kernel is about to change the page behind
 * an address of the range, because of munmap(), mremap(), truncation or the like, the addresses
 * that the program was told do not describe the range any more, and the pin is *gone*. The driver
 * then sets a bit in a word of the program's memory (the notice), before the change can be seen. A
 * change of protection, and the write protection by a fork, leave the pages in place: the kernel
 * copies a page that is pinned for long for the child, not for the parent.
 *
 * A pin ends by UNPIN; when the pool is destroyed; when the pin is gone while the notice shows no
 * use; or some time after the owner's address space has gone. If a device may still write to the
 * pages, because the owner closed the pool or died without UNPIN, then the pages rest for
 * quarantine_ms before they are freed, as chunks do.
 *
 * Lifetime: the table pool->pins owns the pins. Whoever removes a pin from that table, under its
 * lock, ends the pin: UNPIN, the pin's work, or the destruction of the pool. stop_pin() then stops
 * the notifier and the work, in this order, because the notifier queues the work. A pin that is not
 * in the table yet belongs to the caller of pinned_pin_begin(). A pin holds a reference to its
 * account, so that a resting pin may outlive the pool.
 *
 * Locks: pin->lock, a spinlock that nests inside everything that may call a notifier; inside it the
 * xa_lock of pool->pins. `resting_lock` protects the list of resting pins, and is innermost. No
 * other lock of the driver is held here, because pinning takes mmap_lock, and a fault in a mapping
 * of a pool takes pool->lock.
 */
#include <linux/backing-dev.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "base.h"
#include "compat.h"
#include "map.h"
#include "pin.h"
#include "pool.h"
#include "quarantine.h"
#include "quota.h"

/* The longest range of one PIN, in bytes: as much as one POPULATE gives. */
#define LENGTH_MAX ((u64)PINNED_MEM_COUNT_MAX << PINNED_MEM_CHUNK_SHIFT)

/* Pages that are pinned before the next look for a fatal signal. */
#define PAGES_AT_ONCE 1024UL

/**
 * struct pinned_pin - a range of pages that is pinned
 * @notifier:	watches the range
 * @lock:	see above; also orders PIN and the notifier
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

static struct workqueue_struct *queue;

static DEFINE_SPINLOCK(resting_lock);
static LIST_HEAD(resting);

static void end_rests(struct work_struct *work);
static DECLARE_DELAYED_WORK(rest_work, end_rests);

/* The end of a pin. */

static void unpin_pages(struct pinned_pin *pin)
{
	unpin_user_pages_dirty_lock(pin->pages, pin->pinned, true);
	pin->pinned = 0;
}

/* Frees a pin that nothing refers to any more. */
static void free_pin(struct pinned_pin *pin)
{
	unpin_pages(pin);
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
		free_pin(pin);
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
	/* The number of a PIN that has not ended loads as NULL, and stays. */
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

/* The work: ends a pin that is gone and that nobody uses. */
static void end_gone(struct work_struct *work)
{
	struct pinned_pin *pin = container_of(to_delayed_work(work), struct pinned_pin, work);

	/* Whoever has removed the pin waits for this work, so the pin is still there to be read. */
	if (xa_cmpxchg(&pin->pool->pins, pin->id, pin, NULL, 0) != pin)
		return;
	wait_for_publisher(pin);
	mmu_interval_notifier_remove(&pin->notifier);
	/* The notifier may have queued this work once more, while it runs. */
	cancel_delayed_work(&pin->work);
	free_pin(pin);
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
	free_pin(pin);
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
			free_pin(pin);
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
 * The pages of the range are about to change. If the notice shows no use, ends the pin; if the
 * address space is ending, ends the pin after its rest. Does not sleep.
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

/* PIN. */

/*
 * Returns true if a file system may write the mapping's pages back. A device would change such
 * pages without the file system's knowledge; kernels from 6.5 on refuse to pin them for long, too.
 */
static bool is_written_back(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_SHARED && vma->vm_file &&
	       mapping_can_writeback(vma->vm_file->f_mapping);
}

static bool may_be_pinned(struct vm_area_struct *vma)
{
	return !(vma->vm_flags & (VM_IO | VM_PFNMAP | VM_MIXEDMAP)) && !is_written_back(vma) &&
	       !pinned_map_view(vma);
}

/*
 * Refuses ranges with mappings of devices, of files on a disk, and of pools: chunks are pinned
 * already, and older kernels loop for ever when they are asked to pin memory of CMA that cannot be
 * migrated. Returns 0, -EFAULT or -EINTR.
 */
static int check_mappings(unsigned long start, unsigned long end)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int err = 0;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	for (vma = find_vma(mm, start); vma && vma->vm_start < end && !err;
	     vma = find_vma(mm, vma->vm_end))
		if (!may_be_pinned(vma))
			err = -EFAULT;
	mmap_read_unlock(mm);
	return err;
}

/*
 * Pins @count pages, from the address @start on. On failure, *@pinned pages are left pinned.
 * Returns 0 or an error of get_user_pages().
 */
static int pin_pages(unsigned long start, unsigned long count, struct page **pages,
		     unsigned long *pinned)
{
	int err = check_mappings(start, start + (count << PAGE_SHIFT));
	long got;

	*pinned = 0;
	while (!err && *pinned < count) {
		if (fatal_signal_pending(current))
			return -EINTR;
		got = pin_user_pages_fast(start + (*pinned << PAGE_SHIFT),
					  min(count - *pinned, PAGES_AT_ONCE),
					  FOLL_WRITE | FOLL_LONGTERM, pages + *pinned);
		if (got > 0)
			*pinned += got;
		else
			err = got ?: -EFAULT;
		cond_resched();
	}
	return err;
}

static int pin_notice(struct pinned_pin *pin, unsigned long at)
{
	unsigned long pinned;
	struct page *page;
	int err = pin_pages(at & PAGE_MASK, 1, &page, &pinned);

	if (err)
		return err;
	pin->notice = page;
	pin->notice_at = offset_in_page(at);
	return 0;
}

static int tell_extent(const struct pinned_mem_pin *request, u32 n,
		       const struct pinned_mem_extent *extent)
{
	struct pinned_mem_extent __user *to = u64_to_user_ptr(request->extents_ptr);

	if (!n || n > request->extents_count)
		return 0;
	return copy_to_user(to + n - 1, extent, sizeof(*extent)) ? -EFAULT : 0;
}

/*
 * Tells the physical addresses of the range, as far as the caller's array has room for them. Sets
 * *@found to the number of all extents. Returns 0 or -EFAULT.
 */
static int tell_extents(struct pinned_pin *pin, const struct pinned_mem_pin *request, u32 *found)
{
	struct pinned_mem_extent last = {};
	u64 left = request->length, piece, phys;
	unsigned long i, within = offset_in_page((unsigned long)request->address);
	int err;

	*found = 0;
	for (i = 0; i < pin->pinned; i++, left -= piece, within = 0) {
		piece = min_t(u64, left, PAGE_SIZE - within);
		phys = page_to_phys(pin->pages[i]) + within;
		if (*found && phys == last.phys + last.length) {
			last.length += piece;
			continue;
		}
		err = tell_extent(request, *found, &last);
		if (err)
			return err;
		last.phys = phys;
		last.length = piece;
		++*found;
	}
	return tell_extent(request, *found, &last);
}

/*
 * Puts the pin into the pool's table, at its reserved index, unless the pages have changed since
 * @seq was read. From then on, another thread may end the pin.
 */
static bool publish(struct pinned_pin *pin, unsigned long seq)
{
	bool is_current;

	spin_lock(&pin->lock);
	is_current = !mmu_interval_read_retry(&pin->notifier, seq);
	if (is_current) {
		pin->is_live = true;
		/* Allocates nothing, because the index is reserved. */
		xa_store(&pin->pool->pins, pin->id, pin, GFP_NOWAIT);
	}
	spin_unlock(&pin->lock);
	return is_current;
}

/*
 * Pins the pages of the watched range, and tells their addresses, until the range has not changed
 * meanwhile. The first attempt often changes the range itself: the kernel copies pages that are
 * shared, and moves pages out of the zones that must stay movable.
 */
static int pin_range(struct pinned_pin *pin, struct pinned_mem_pin *request, unsigned long start,
		     unsigned long count)
{
	const u32 id = pin->id;
	unsigned long seq;
	u32 found = 0;
	int err;

	for (;;) {
		seq = mmu_interval_read_begin(&pin->notifier);
		err = pin_pages(start, count, pin->pages, &pin->pinned);
		if (!err && request->extents_ptr)
			err = tell_extents(pin, request, &found);
		if (!err && publish(pin, seq))
			break;
		unpin_pages(pin);
		if (err)
			return err;
	}
	/* Another thread may have ended the pin already. */
	request->extents_count = found;
	request->id = id;
	return 0;
}

/* Creates a pin for @count pages, charged and with a reserved number. */
static struct pinned_pin *create_pin(struct pinned_pool *pool, unsigned long count,
				     unsigned long charged)
{
	struct pinned_pin *pin = kzalloc(sizeof(*pin), PINNED_GFP);
	int err;

	if (!pin)
		return ERR_PTR(-ENOMEM);
	err = pinned_quota_charge_pages(pool->account, charged);
	if (err)
		goto err_free;
	err = -ENOMEM;
	pin->pages = kvmalloc_array(count, sizeof(*pin->pages), PINNED_GFP);
	if (!pin->pages)
		goto err_uncharge;
	err = xa_alloc_cyclic(&pool->pins, &pin->id, NULL, xa_limit_32b, &pool->next_pin,
			      PINNED_GFP);
	if (err < 0)
		goto err_free_pages;
	spin_lock_init(&pin->lock);
	INIT_DELAYED_WORK(&pin->work, end_gone);
	pin->pool = pool;
	pin->account = pinned_account_get(pool->account);
	pin->charged = charged;
	return pin;

err_free_pages:
	kvfree(pin->pages);
err_uncharge:
	pinned_quota_uncharge_pages(pool->account, charged);
err_free:
	kfree(pin);
	return ERR_PTR(err);
}

/* Returns the first page of the range, and sets *@count to the number of its pages. */
static unsigned long pages_of(const struct pinned_mem_pin *request, unsigned long *count)
{
	unsigned long start = untagged_addr((unsigned long)request->address) & PAGE_MASK;

	*count = PFN_UP(offset_in_page((unsigned long)request->address) + request->length);
	return start;
}

static int pin_new(struct pinned_pin *pin, struct pinned_mem_pin *request, unsigned long start,
		   unsigned long count)
{
	int err = 0;

	if (request->notice_ptr)
		err = pin_notice(pin, untagged_addr((unsigned long)request->notice_ptr));
	if (err)
		return err;
	pin->is_told = request->extents_ptr;
	err = mmu_interval_notifier_insert(&pin->notifier, current->mm, start, count << PAGE_SHIFT,
					   &notifier_ops);
	if (err)
		return err;
	err = pin_range(pin, request, start, count);
	if (err)
		mmu_interval_notifier_remove(&pin->notifier);
	return err;
}

static bool is_user_range(u64 at, u64 length)
{
	return (unsigned long)at == at && access_ok((void __user *)(unsigned long)at, length);
}

/**
 * pinned_pin_begin() - pins a range of the current address space; PIN
 * @pool: a pool of the current address space
 * @request: the request, whose flags were checked; receives the answer
 *
 * Return: 0; -EINVAL, -EFAULT, -EDQUOT, -ENOMEM, -EINTR; another error of get_user_pages().
 */
int pinned_pin_begin(struct pinned_pool *pool, struct pinned_mem_pin *request)
{
	unsigned long start, count;
	struct pinned_pin *pin;
	int err;

	if (!request->length || request->length > LENGTH_MAX || request->id ||
	    request->notice_ptr & 3 || (request->extents_count && !request->extents_ptr))
		return -EINVAL;
	if (!is_user_range(request->address, request->length) ||
	    !is_user_range(request->notice_ptr, sizeof(u32)))
		return -EFAULT;
	start = pages_of(request, &count);
	pin = create_pin(pool, count, count + !!request->notice_ptr);
	if (IS_ERR(pin))
		return PTR_ERR(pin);
	err = pin_new(pin, request, start, count);
	if (err) {
		xa_release(&pool->pins, pin->id);
		free_pin(pin);
	}
	return err;
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

/* No pool exists any more. Frees the pins that rest, and waits for works that still run. */
void pinned_pin_exit(void)
{
	struct pinned_pin *pin, *next;

	cancel_delayed_work_sync(&rest_work);
	list_for_each_entry_safe(pin, next, &resting, node)
		free_pin(pin);
	destroy_workqueue(queue);
}

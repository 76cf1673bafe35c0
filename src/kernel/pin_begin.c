// SPDX-License-Identifier: GPL-2.0-only
/*
 * PIN holds pages that a program has mapped by itself, such as a stack, static memory or a file in
 * a tmpfs, and tells their physical addresses. For how a pin ends, and for the locks, see pin.c.
 *
 * A pin belongs to the caller of pinned_pin_begin() until publish() has put it into the table
 * pool->pins.
 */
#include <linux/backing-dev.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "base.h"
#include "compat.h"
#include "map.h"
#include "pin.h"
#include "pool.h"
#include "quota.h"

/* The longest range of one PIN, in bytes: as much as one POPULATE gives. */
#define LENGTH_MAX ((u64)PINNED_MEM_COUNT_MAX << PINNED_MEM_CHUNK_SHIFT)

/* Pages that are pinned before the next look for a fatal signal. */
#define PAGES_AT_ONCE 1024UL

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
 * Refuses ranges with mappings of devices and of pools, and with shared mappings of files that a
 * file system may write back. Chunks of pools are pinned already, and older kernels loop for ever
 * when they are asked to pin memory of CMA that cannot be migrated. Returns 0, -EFAULT or -EINTR.
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
 * Returns 0, -EFAULT, -EINTR, or another error of get_user_pages().
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
 * Pins the pages of the watched range, and tells their addresses; begins again if the range has
 * changed meanwhile. The first attempt often changes the range itself: the kernel copies pages that
 * are shared, and moves pages out of the zones that must stay movable.
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
		pinned_pin_unpin_pages(pin);
		if (err)
			return err;
	}
	/* Another thread may have ended the pin already. */
	request->extents_count = found;
	request->id = id;
	return 0;
}

/* Creates a pin for @count pages, charges @charged pages, and reserves a number for the pin. */
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

/* Returns the address of the range's first page, and sets *@count to the number of its pages. */
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
	err = pinned_pin_watch(pin, start, count << PAGE_SHIFT);
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
		pinned_pin_free(pin);
	}
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module: takes 2 MiB blocks from the page allocator until it refuses, with the effort of an
 * ordinary driver. The blocks are freed on request, or when the file is closed.
 *
 * One file may be open at a time; its blocks are in `blocks`, which nothing else accesses.
 */
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "plain_alloc.h"

#define BLOCK_ORDER 9

static LIST_HEAD(blocks);
static atomic_t is_open = ATOMIC_INIT(0);

static gfp_t gfp_of(u32 effort)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN | __GFP_COMP;

	return effort == PLAIN_ALLOC_KERNEL ? gfp : gfp & ~__GFP_RECLAIM;
}

static u32 take_all(u32 effort)
{
	struct page *page;
	u32 taken = 0;

	while (!fatal_signal_pending(current)) {
		page = alloc_pages(gfp_of(effort), BLOCK_ORDER);
		if (!page)
			break;
		list_add(&page->lru, &blocks);
		taken++;
		cond_resched();
	}
	return taken;
}

static void give_all(void)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &blocks, lru) {
		list_del(&page->lru);
		__free_pages(page, BLOCK_ORDER);
	}
}

static long plain_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct plain_alloc __user *user = (void __user *)arg;
	struct plain_alloc request;

	switch (cmd) {
	case PLAIN_ALLOC_IOC_TAKE:
		if (copy_from_user(&request, user, sizeof(request)))
			return -EFAULT;
		request.taken = take_all(request.effort);
		return copy_to_user(user, &request, sizeof(request)) ? -EFAULT : 0;
	case PLAIN_ALLOC_IOC_GIVE:
		give_all();
		return 0;
	default:
		return -ENOTTY;
	}
}

static int plain_open(struct inode *inode, struct file *file)
{
	return atomic_cmpxchg(&is_open, 0, 1) ? -EBUSY : 0;
}

static int plain_release(struct inode *inode, struct file *file)
{
	give_all();
	atomic_set(&is_open, 0);
	return 0;
}

static const struct file_operations plain_fops = {
	.owner = THIS_MODULE,
	.open = plain_open,
	.release = plain_release,
	.unlocked_ioctl = plain_ioctl,
};

static struct miscdevice plain_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "plain_alloc",
	.fops = &plain_fops,
};

module_misc_device(plain_dev);

MODULE_DESCRIPTION("Test module: 2 MiB blocks with no special effort");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies of a pool's pages, and one table for each snapshot that holds the copies. snapshot.c
 * decides which copies must exist, and when.
 *
 * Several tables may hold the same copy: page_private() of the copy counts these tables. Removing
 * the copy from the last table frees it. Each copy is charged to the pool's account, and to the
 * memory cgroup of the process that it is made for.
 *
 * Locks: pool->lock serialises all calls that concern one pool (see view.c).
 */
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "chunk.h"
#include "compat.h"
#include "copy.h"
#include "memtype.h"
#include "name.h"
#include "quota.h"

/*
 * Copies a page. Returns false if the memory of @from has failed; the kernel then learns of it, as
 * after its own copies. An architecture that cannot survive a machine check in a copy copies as
 * usual.
 */
static bool copy_content(struct page *to, struct page *from)
{
#ifdef CONFIG_ARCH_HAS_COPY_MC
	if (!copy_mc_to_kernel(page_address(to), page_address(from), PAGE_SIZE))
		return true;
	if (IS_ENABLED(CONFIG_MEMORY_FAILURE))
		memory_failure_queue(page_to_pfn(from), 0);
	return false;
#else
	copy_highpage(to, from);
	return true;
#endif
}

static void free_copy(struct pinned_copies *copies, struct page *page)
{
	pinned_unname_page(page);
	put_page(page);
	pinned_quota_uncharge_copy(copies->account);
}

/**
 * pinned_copy_make() - copies a page
 * @copies: a table that the copy is for
 * @from: the page
 * @memory_type: memory type of @from
 * @mm: address space whose memory cgroup is charged; NULL for the current one
 *
 * Return: a copy that no table holds yet; NULL at a limit, without memory, or if the memory of
 * @from has failed.
 */
struct page *pinned_copy_make(struct pinned_copies *copies, struct page *from, u32 memory_type,
			      struct mm_struct *mm)
{
	struct mem_cgroup *memcg, *old;
	struct page *page;

	if (!pinned_quota_charge_copy(copies->account))
		return NULL;
	memcg = mm ? get_mem_cgroup_from_mm(mm) : NULL;
	old = pinned_set_active_memcg(memcg);
	page = alloc_page((PINNED_GFP & ~__GFP_ACCOUNT) | PINNED_GFP_CHARGED_PAGE | __GFP_HIGHMEM);
	pinned_set_active_memcg(old);
	mem_cgroup_put(memcg);
	if (!page) {
		pinned_quota_uncharge_copy(copies->account);
		return NULL;
	}
	pinned_memtype_before_copy(from, memory_type);
	if (!copy_content(page, from)) {
		free_copy(copies, page);
		return NULL;
	}
	set_page_private(page, 0);
	return page;
}

/* Frees a copy unless a table holds it. */
void pinned_copy_discard_unstored(struct pinned_copies *copies, struct page *page)
{
	if (!page_private(page))
		free_copy(copies, page);
}

/* Drops one table's reference to a copy, and frees a copy that no table holds any more. */
void pinned_copy_put(struct pinned_copies *copies, struct page *page)
{
	set_page_private(page, page_private(page) - 1);
	pinned_copy_discard_unstored(copies, page);
}

/* Returns true if more than one table holds the copy. */
bool pinned_copy_is_shared(struct page *page)
{
	return page_private(page) > 1;
}

void pinned_copies_init(struct pinned_copies *copies, struct pinned_account *account)
{
	copies->account = account;
	xa_init_flags(&copies->pages, XA_FLAGS_ACCOUNT);
	copies->is_broken = false;
}

struct page *pinned_copies_find(struct pinned_copies *copies, pgoff_t pgoff)
{
	return xa_load(&copies->pages, pgoff);
}

/* Returns true if the snapshot has no copy of this page, and is not broken. */
bool pinned_copies_lack(struct pinned_copies *copies, pgoff_t pgoff)
{
	return !copies->is_broken && !xa_load(&copies->pages, pgoff);
}

/*
 * Stores a copy in the table. Returns false without memory; storing over an existing entry never
 * fails.
 */
bool pinned_copies_store(struct pinned_copies *copies, pgoff_t pgoff, struct page *page)
{
	if (xa_err(xa_store(&copies->pages, pgoff, page, PINNED_GFP)))
		return false;
	set_page_private(page, page_private(page) + 1);
	return true;
}

/*
 * Waits for page faults that hold the lock of one of these pages. A fault locks a page, then checks
 * that the page may be mapped, and unlocks the page after mapping it. So every fault that is still
 * running when this function returns has seen what the caller changed before.
 */
void pinned_copies_wait_for_faults(struct pinned_copies *copies, pgoff_t first, pgoff_t last)
{
	struct page *page;
	unsigned long pgoff;

	xa_for_each_range(&copies->pages, pgoff, page, first, last) {
		lock_page(page);
		unlock_page(page);
		cond_resched();
	}
}

/**
 * pinned_copies_move() - moves the copies of a dead snapshot to its only child
 * @from: table of the dead snapshot, which loses all of its copies
 * @to: table of the child, which gets the copies that it lacks
 *
 * Return: false without memory; both tables together then still hold all copies, and the caller may
 * repeat the call.
 */
bool pinned_copies_move(struct pinned_copies *from, struct pinned_copies *to)
{
	struct page *page;
	unsigned long pgoff;

	xa_for_each(&from->pages, pgoff, page) {
		if (pinned_copies_lack(to, pgoff) && !pinned_copies_store(to, pgoff, page))
			return false;
		xa_erase(&from->pages, pgoff);
		/*
		 * The page is named after @from's inode; a page is named after @to's when @to maps
		 * it.
		 */
		pinned_unname_page(page);
		pinned_copy_put(from, page);
		cond_resched();
	}
	to->is_broken |= from->is_broken;
	return true;
}

/* Removes the copies of the pages from @first to @last from the table. */
void pinned_copies_drop_range(struct pinned_copies *copies, pgoff_t first, pgoff_t last)
{
	struct page *page;
	unsigned long pgoff;

	xa_for_each_range(&copies->pages, pgoff, page, first, last) {
		xa_erase(&copies->pages, pgoff);
		pinned_copy_put(copies, page);
		cond_resched();
	}
}

/* Empties the table. */
void pinned_copies_drop(struct pinned_copies *copies)
{
	pinned_copies_drop_range(copies, 0, ULONG_MAX);
	xa_destroy(&copies->pages);
}

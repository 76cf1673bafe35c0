// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of pages, by which the kernel recognizes that two shared futexes are the same.
 *
 * The kernel identifies a futex without FUTEX_PRIVATE by the inode and the offset of its page
 * (get_futex_key()), and fails with EFAULT if the page belongs to no inode. So the driver names
 * each page of a slot after the pool's inode, and each page that a snapshot owns after the
 * snapshot's inode, so that parent and child do not wake each other. A name is the page's mapping
 * and index; the page cache of these inodes stays empty.
 *
 * A page must lose its name before the driver puts the page: the allocator complains if a named
 * page is freed, and somebody may still pin the page when its inode is gone. The kernel reads names
 * under RCU, and frees inodes only after an RCU grace period.
 *
 * Locks: the caller holds pool->lock.
 */
#include <linux/fs.h>
#include <linux/mm.h>

#include "base.h"
#include "compat.h"
#include "name.h"

/* Names a page that is single, or the first of a compound page. */
void pinned_name_page(struct page *page, struct inode *inode, pgoff_t pgoff)
{
	pinned_set_page_index(page, pgoff);
	/* A store-release, so that nobody sees the mapping with an older index. */
	pinned_set_page_mapping(page, inode->i_mapping);
}

void pinned_unname_page(struct page *page)
{
	pinned_set_page_mapping(page, NULL);
}

/* Returns how many pages of a chunk have names: the first page names a whole compound page. */
static unsigned long count_named(struct page *page)
{
	return PageCompound(page) ? 1 : PINNED_CHUNK_PAGES;
}

void pinned_name_chunk(struct page *page, struct inode *inode, pgoff_t pgoff)
{
	unsigned long i;

	for (i = 0; i < count_named(page); i++)
		pinned_name_page(page + i, inode, pgoff + i);
}

void pinned_unname_chunk(struct page *page)
{
	unsigned long i;

	for (i = 0; i < count_named(page); i++)
		pinned_unname_page(page + i);
}

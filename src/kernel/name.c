// SPDX-License-Identifier: GPL-2.0-only
/*
 * The names of pages: what tells the kernel that two shared futexes are the same.
 *
 * The kernel identifies a futex without FUTEX_PRIVATE by the inode and the offset
 * that its page belongs to (get_futex_key()), and fails with EFAULT if the page
 * belongs to none. So each page of a slot is named after the pool's inode, and each
 * page that a snapshot owns after the snapshot's inode, so that parent and child do
 * not wake each other. The page cache of these inodes stays empty: a page is named
 * after an inode without being in its page cache.
 *
 * A name must end before the driver puts the page: the allocator complains about a
 * page that is freed with a name, and somebody may still pin the page when its inode
 * has gone. The kernel reads names under RCU, which inodes outlive.
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
	/* This one is a release, so that nobody sees the mapping with an older index. */
	pinned_set_page_mapping(page, inode->i_mapping);
}

void pinned_unname_page(struct page *page)
{
	pinned_set_page_mapping(page, NULL);
}

/* The pages of a chunk that have names: the first one names all of a compound page. */
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

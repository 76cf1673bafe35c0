/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of pages, by which the kernel recognizes that two shared futexes are the same. */
#ifndef PINNED_MEM_NAME_H
#define PINNED_MEM_NAME_H

#include <linux/types.h>

struct inode;
struct page;

void pinned_name_page(struct page *page, struct inode *inode, pgoff_t pgoff);
void pinned_unname_page(struct page *page);
void pinned_name_chunk(struct page *page, struct inode *inode, pgoff_t pgoff);
void pinned_unname_chunk(struct page *page);

#endif /* PINNED_MEM_NAME_H */

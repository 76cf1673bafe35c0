/* SPDX-License-Identifier: GPL-2.0-only */
/* Copies of a pool's pages, and the table of the copies that one snapshot holds. */
#ifndef PINNED_MEM_COPY_H
#define PINNED_MEM_COPY_H

#include <linux/types.h>
#include <linux/xarray.h>

struct mm_struct;
struct page;
struct pinned_account;

/**
 * struct pinned_copies - the copies that one snapshot holds
 * @pages:	page offset in the pool -> struct page
 * @account:	account that the copies are charged to, the same for all snapshots of a pool
 * @is_broken:	there was no memory for one of the copies
 */
struct pinned_copies {
	struct xarray pages;
	struct pinned_account *account;
	bool is_broken;
};

struct page *pinned_copy_make(struct pinned_copies *copies, struct page *from, u32 memory_type,
			      struct mm_struct *mm);
void pinned_copy_put(struct pinned_copies *copies, struct page *page);
void pinned_copy_discard_unstored(struct pinned_copies *copies, struct page *page);
bool pinned_copy_is_shared(struct page *page);

void pinned_copies_init(struct pinned_copies *copies, struct pinned_account *account);
struct page *pinned_copies_find(struct pinned_copies *copies, pgoff_t pgoff);
bool pinned_copies_lack(struct pinned_copies *copies, pgoff_t pgoff);
bool pinned_copies_store(struct pinned_copies *copies, pgoff_t pgoff, struct page *page);
void pinned_copies_wait_for_faults(struct pinned_copies *copies, pgoff_t first, pgoff_t last);
bool pinned_copies_move(struct pinned_copies *from, struct pinned_copies *to);
void pinned_copies_drop_range(struct pinned_copies *copies, pgoff_t first, pgoff_t last);
void pinned_copies_drop(struct pinned_copies *copies);

#endif /* PINNED_MEM_COPY_H */

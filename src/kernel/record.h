/* SPDX-License-Identifier: GPL-2.0-only */
/* The record of one chunk, and the charge that goes with it. */
#ifndef PINNED_MEM_RECORD_H
#define PINNED_MEM_RECORD_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>

struct list_lru;
struct page;
struct pinned_account;
struct pinned_source;

/**
 * struct pinned_chunk - what the driver knows of a chunk
 * @page:	its first page, with the driver's own reference; NULL before it has memory
 * @source:	where @page goes back to
 * @account:	whom it is charged to
 * @refs:	see chunk.c
 * @memory_type: PINNED_MEM_TYPE_*
 * @born:	the pool's generation when it came into a slot (see snapshot.c)
 * @is_disclosed: somebody was told its physical address
 * @is_low:	charged as a chunk below 4 GiB
 * @must_rest:	an owner died that was told its physical address
 * @holds_module: it waits, and cannot be left behind when the driver goes (quarantine.c)
 * @node:	in a list of the quarantine
 * @lru:	in the list of what rests and may be given up under memory pressure
 * @until:	jiffies; end of its rest
 */
struct pinned_chunk {
	struct page *page;
	const struct pinned_source *source;
	struct pinned_account *account;
	refcount_t refs;
	u32 memory_type;
	u64 born;
	bool is_disclosed;
	bool is_low;
	bool must_rest;
	bool holds_module;
	struct list_head node;
	struct list_head lru;
	unsigned long until;
};

int pinned_record_init(void);
void pinned_record_exit(void);
struct list_lru *pinned_record_lru(void);

struct pinned_chunk *pinned_record_create(struct pinned_account *account);
bool pinned_record_can_free(struct pinned_chunk *chunk);
bool pinned_record_can_abandon(struct pinned_chunk *chunk);
void pinned_record_free(struct pinned_chunk *chunk);
void pinned_record_retire(struct page *page);
unsigned long pinned_record_poisoned(void);

#endif /* PINNED_MEM_RECORD_H */

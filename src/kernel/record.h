/* SPDX-License-Identifier: GPL-2.0-only */
/* The record of one chunk, and the chunk's charge. */
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
 * @page:	the chunk's first page, with the driver's own reference; NULL before the chunk has
 *		memory
 * @source:	the source that @page came from, and goes back to
 * @account:	the account that the chunk is charged to
 * @refs:	number of holders in the driver, see chunk.c
 * @memory_type: PINNED_MEM_TYPE_*
 * @born:	the pool's generation when the chunk was put into its slot (see snapshot.c)
 * @is_disclosed: the chunk's physical address was disclosed to somebody
 * @is_low:	the chunk is charged as one below 4 GiB
 * @must_rest:	the address was disclosed, and the owner died, or closed the pool, while the
 *		chunk was in a slot
 * @holds_module: the chunk is busy, and cannot be abandoned when the module is unloaded
 *	(quarantine.c)
 * @node:	entry in a list of the quarantine
 * @lru:	entry in the list of resting chunks that memory pressure may free
 * @until:	end of the chunk's rest, in jiffies
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
struct pinned_chunk *pinned_record_follow_memory(struct pinned_chunk *chunk);
bool pinned_record_can_free(struct pinned_chunk *chunk);
bool pinned_record_can_abandon(struct pinned_chunk *chunk);
void pinned_record_free(struct pinned_chunk *chunk);
void pinned_record_retire(struct page *page);
unsigned long pinned_record_poisoned(void);

#endif /* PINNED_MEM_RECORD_H */

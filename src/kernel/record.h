/* SPDX-License-Identifier: GPL-2.0-only */
/* The record of one chunk, and the charge that goes with it. */
#ifndef PINNED_MEM_RECORD_H
#define PINNED_MEM_RECORD_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>

struct page;
struct pinned_source;
struct pinned_user;

/**
 * struct pinned_chunk - what the driver knows of a chunk
 * @page:	its first page, with the driver's own reference
 * @source:	where @page goes back to
 * @user:	who is charged
 * @refs:	see chunk.c
 * @memory_type: PINNED_MEM_TYPE_*
 * @born:	the pool's generation when it came into a slot (see snapshot.c)
 * @is_disclosed: somebody was told its physical address
 * @holds_module: it waits for somebody else's reference (quarantine.c)
 * @node:	list of whoever holds it outside of a table
 * @until:	jiffies; end of its quarantine
 */
struct pinned_chunk {
	struct page *page;
	const struct pinned_source *source;
	struct pinned_user *user;
	refcount_t refs;
	u32 memory_type;
	u64 born;
	bool is_disclosed;
	bool holds_module;
	struct list_head node;
	unsigned long until;
};

int pinned_record_init(void);
void pinned_record_exit(void);

struct pinned_chunk *pinned_record_create(struct pinned_user *user);
void pinned_record_uncharge(struct pinned_chunk *chunk);
bool pinned_record_can_free(struct pinned_chunk *chunk);
void pinned_record_free(struct pinned_chunk *chunk);

#endif /* PINNED_MEM_RECORD_H */

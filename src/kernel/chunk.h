/* SPDX-License-Identifier: GPL-2.0-only */
/* One chunk: 2 MiB of contiguous memory, counted while anything of the driver's holds it. */
#ifndef PINNED_MEM_CHUNK_H
#define PINNED_MEM_CHUNK_H

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <uapi/pinned_mem.h>

#define PINNED_CHUNK_ORDER (PINNED_MEM_CHUNK_SHIFT - PAGE_SHIFT)
#define PINNED_CHUNK_PAGES (1UL << PINNED_CHUNK_ORDER)

/*
 * For all that a request of a user's needs: charged to his memory cgroup, and
 * when there is none, an error, not the OOM killer (which an ordinary allocation
 * invokes, also for a cgroup at its limit).
 */
#define PINNED_GFP (GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

struct pinned_policy;
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

int pinned_chunk_init(void);
void pinned_chunk_exit(void);

int pinned_chunks_create(struct pinned_chunk **chunks, unsigned long count,
			 const struct pinned_policy *policy, struct pinned_user *user);
struct pinned_chunk *pinned_chunk_get(struct pinned_chunk *chunk);
void pinned_chunk_wait_for_faults(struct pinned_chunk *chunk);
void pinned_chunk_put(struct pinned_chunk *chunk);
void pinned_chunk_abandon(struct pinned_chunk *chunk);
void pinned_chunk_free(struct pinned_chunk *chunk);

#endif /* PINNED_MEM_CHUNK_H */

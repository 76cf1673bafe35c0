/* SPDX-License-Identifier: GPL-2.0-only */
/* Pools: a pool is one open of the device, and is a sparse file of chunks. */
#ifndef PINNED_MEM_POOL_H
#define PINNED_MEM_POOL_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "view.h"

struct inode;
struct mm_struct;
struct pinned_mem_info;
struct pinned_policy;
struct seq_file;
struct pinned_account;

/* Size of a pool's file: 8 TiB, which the page offsets of a 32-bit kernel can express. */
#define PINNED_POOL_SHIFT 43
#define PINNED_POOL_SIZE (1ULL << PINNED_POOL_SHIFT)

/**
 * struct pinned_pool - one open of the device
 * @node:	entry in the list of all pools
 * @opener:	process that opened the pool, by its id in the initial namespace
 * @comm:	name of that process when it opened the pool
 * @id:		number that no other pool has had
 * @inode:	contains the address_space that links all mappings of the pool
 * @lock:	see view.c
 * @mm:		the owner's address space; the reference keeps the structure, not the
 *		mappings
 * @account:	account that the pool's chunks are charged to
 * @live:	the owner's view
 * @snapshots:	number of existing snapshots, under @lock
 * @has_borrowers: snapshots may map pages that they share with other views (see snapshot.c), under
 *	@lock
 * @generation:	number of snapshots that were created so far, under @lock
 * @memory_type: memory type of all chunks in @live; changes under @lock, while @live is empty
 * @chunks:	number of chunks in @live
 * @watches:	list of struct pinned_watch (see watch.c)
 * @owner_check: checks whether an owner without mappings has died (see view.c)
 * @pins:	struct pinned_pin, by number (see pin.c)
 * @next_pin:	where the search for the next number begins, under the lock of @pins
 */
struct pinned_pool {
	struct list_head node;
	pid_t opener;
	char comm[TASK_COMM_LEN];
	u64 id;
	struct inode *inode;
	struct mutex lock;
	struct mm_struct *mm;
	struct pinned_account *account;
	struct pinned_view live;
	unsigned long snapshots;
	bool has_borrowers;
	u64 generation;
	u32 memory_type;
	atomic_long_t chunks;
	struct list_head watches;
	struct delayed_work owner_check;
	struct xarray pins;
	u32 next_pin;
};

/**
 * struct pinned_run - result of pinned_pool_query()
 * @phys:	physical address of the slot's first byte
 * @slots:	number of slots, from this one on, whose chunks are physically contiguous
 * @node:	NUMA node of the slot's chunk
 * @source:	PINNED_MEM_SOURCE_*
 * @memory_type: PINNED_MEM_TYPE_*
 */
struct pinned_run {
	u64 phys;
	unsigned long slots;
	int node;
	u32 source;
	u32 memory_type;
};

struct pinned_pool *pinned_pool_create(void);
void pinned_pool_destroy(struct pinned_pool *pool);
bool pinned_pool_is_mine(struct pinned_pool *pool);
unsigned long pinned_pool_chunks(struct pinned_pool *pool);
void pinned_pool_show_all(struct seq_file *seq);
void pinned_pool_show(struct seq_file *seq, struct pinned_pool *pool);
void pinned_pool_count_mappings(struct pinned_pool *pool, struct pinned_mem_info *info);

int pinned_pool_populate(struct pinned_pool *pool, unsigned long slot, unsigned long count,
			 const struct pinned_policy *policy, u64 __user *phys);
int pinned_pool_punch(struct pinned_pool *pool, unsigned long slot, unsigned long count);
int pinned_pool_sync(struct pinned_pool *pool, u64 offset, u64 length, u32 flags);
int pinned_pool_query(struct pinned_pool *pool, unsigned long slot, struct pinned_run *run);

#endif /* PINNED_MEM_POOL_H */

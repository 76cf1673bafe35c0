/* SPDX-License-Identifier: GPL-2.0-only */
/* A pool: one open of the device, a sparse file of chunks. */
#ifndef PINNED_MEM_POOL_H
#define PINNED_MEM_POOL_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "view.h"

struct inode;
struct mm_struct;
struct pinned_mem_info;
struct pinned_policy;
struct seq_file;
struct pinned_account;

/* File offsets of a pool: 8 TiB, within what a 32-bit kernel's page offsets can name. */
#define PINNED_POOL_SHIFT 43
#define PINNED_POOL_SIZE (1ULL << PINNED_POOL_SHIFT)

/**
 * struct pinned_pool - one open of the device
 * @node:	in the list of all pools
 * @opener:	process that opened it, as the initial namespace numbers it
 * @comm:	its name then
 * @id:		number that no other pool has had
 * @inode:	holds the address_space through which all mappings are found
 * @lock:	see view.c
 * @mm:		the owner's address space, referenced as a structure
 * @account:	whom its chunks are charged to
 * @live:	the owner's view
 * @snapshots:	views of forked children that are not gone, under @lock
 * @has_borrowers: snapshots may map pages that they share with other views (see
 *		snapshot.c), under @lock
 * @generation:	forks so far, under @lock
 * @memory_type: of all chunks in @live; changes under @lock, while it is empty
 * @chunks:	chunks in @live
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
};

/**
 * struct pinned_run - what pinned_pool_query() found
 * @phys:	physical address of the slot's first byte
 * @slots:	slots from there on that are contiguous
 * @node:	NUMA node
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

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools: creation, and filling, emptying and looking up slots.
 *
 * Locks and lifetime of what a pool holds: see view.c. A pool lives from open to
 * the file's last reference, which mappings hold too, so no mapping can outlive
 * it. Its inode belongs to the driver's own pseudo filesystem, which is mounted
 * only while pools exist: a permanent mount would hold the module in memory.
 *
 * Memory is allocated, and user memory written, before pool->lock is taken: both
 * may fault and need mmap_lock, which nests outside.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "chunk.h"
#include "pool.h"
#include "source.h"

#define PINNED_FS_MAGIC 0x50494e4d /* "PINM" */

static struct vfsmount *pool_mount;
static int pool_mount_users;

static int init_pool_fs(struct fs_context *fc)
{
	return init_pseudo(fc, PINNED_FS_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type pool_fs = {
	.name = "pinned_mem",
	.owner = THIS_MODULE,
	.init_fs_context = init_pool_fs,
	.kill_sb = kill_anon_super,
};

static u64 next_pool_id(void)
{
	static atomic64_t last_id;

	return atomic64_inc_return(&last_id);
}

/**
 * pinned_pool_create() - a new, empty pool that belongs to the current address space
 *
 * Return: the pool, or ERR_PTR(-ENOMEM).
 */
struct pinned_pool *pinned_pool_create(void)
{
	struct pinned_pool *pool = kzalloc(sizeof(*pool), GFP_KERNEL_ACCOUNT);
	int err;

	if (!pool)
		return ERR_PTR(-ENOMEM);
	err = simple_pin_fs(&pool_fs, &pool_mount, &pool_mount_users);
	if (err)
		goto err_free;
	pool->inode = alloc_anon_inode(pool_mount->mnt_sb);
	if (IS_ERR(pool->inode)) {
		err = PTR_ERR(pool->inode);
		goto err_release_fs;
	}
	/* Without it newer kernels (seen on 7.2) map nothing huge, and say nothing. */
	i_size_write(pool->inode, PINNED_POOL_SIZE);
	pool->id = next_pool_id();
	mutex_init(&pool->lock);
	INIT_LIST_HEAD(&pool->snapshots);
	mmgrab(current->mm);
	pinned_view_init(&pool->live, pool, current->mm);
	return pool;

err_release_fs:
	simple_release_fs(&pool_mount, &pool_mount_users);
err_free:
	kfree(pool);
	return ERR_PTR(err);
}

/* The file is gone: no descriptor, no mapping, hence no snapshot and no call. */
void pinned_pool_destroy(struct pinned_pool *pool)
{
	WARN_ON_ONCE(!list_empty(&pool->snapshots));
	mutex_lock(&pool->lock);
	pinned_view_empty_locked(&pool->live);
	mutex_unlock(&pool->lock);
	mmdrop(pool->live.mm);
	iput(pool->inode);
	simple_release_fs(&pool_mount, &pool_mount_users);
	mutex_destroy(&pool->lock);
	kfree(pool);
}

bool pinned_pool_is_mine(struct pinned_pool *pool)
{
	return pool->live.mm == current->mm;
}

unsigned long pinned_pool_chunks(struct pinned_pool *pool)
{
	return READ_ONCE(pool->chunks);
}

static void destroy_chunks(struct page **chunks, unsigned long count)
{
	while (count)
		pinned_chunk_destroy(chunks[--count]);
}

static int create_chunks(struct page **chunks, unsigned long count,
			 const struct pinned_policy *policy)
{
	unsigned long i;
	int err;

	for (i = 0; i < count; i++) {
		err = -EINTR;
		if (fatal_signal_pending(current))
			goto err_destroy;
		chunks[i] = pinned_chunk_create(policy);
		err = PTR_ERR_OR_ZERO(chunks[i]);
		if (err)
			goto err_destroy;
		cond_resched();
	}
	return 0;

err_destroy:
	destroy_chunks(chunks, i);
	return err;
}

static int tell_phys(struct page **chunks, unsigned long count, u64 __user *phys)
{
	unsigned long i;

	for (i = 0; i < count; i++)
		if (put_user((u64)page_to_phys(chunks[i]), phys + i))
			return -EFAULT;
	return 0;
}

static bool is_any_filled(struct pinned_view *view, unsigned long slot, unsigned long count)
{
	unsigned long found = slot;

	return xa_find(&view->chunks, &found, slot + count - 1, XA_PRESENT);
}

/*
 * Take a chunk from the table, then from the page tables. Locking the page in
 * between waits for faults that found it in the table and have not finished
 * mapping it (see map.c), so that none is left when this returns.
 */
static struct page *detach_chunk_locked(struct pinned_pool *pool, unsigned long slot)
{
	struct page *chunk = xa_erase(&pool->live.chunks, slot);

	lockdep_assert_held(&pool->lock);
	lock_page(chunk);
	unmap_mapping_range(pool->inode->i_mapping, (loff_t)slot << PINNED_MEM_CHUNK_SHIFT,
			    PINNED_MEM_CHUNK_SIZE, 1);
	unlock_page(chunk);
	return chunk;
}

static int insert_chunks_locked(struct pinned_pool *pool, unsigned long slot, struct page **chunks,
				unsigned long count)
{
	unsigned long i;
	int err;

	lockdep_assert_held(&pool->lock);
	if (is_any_filled(&pool->live, slot, count))
		return -EEXIST;
	for (i = 0; i < count; i++) {
		err = xa_err(xa_store(&pool->live.chunks, slot + i, chunks[i], GFP_KERNEL_ACCOUNT));
		if (err)
			goto err_detach;
	}
	WRITE_ONCE(pool->chunks, pool->chunks + count);
	return 0;

err_detach:
	while (i--)
		detach_chunk_locked(pool, slot + i);
	return err;
}

/**
 * pinned_pool_populate() - fill slots with new chunks, all or none
 * @pool: a pool of the current address space
 * @slot: first slot
 * @count: slots; @slot and @count are in range
 * @policy: node and ceiling
 * @phys: where to write the slots' physical addresses, or NULL
 *
 * Return: 0, -EEXIST, -ENOMEM, -EDQUOT, -EFAULT, -EINTR.
 */
int pinned_pool_populate(struct pinned_pool *pool, unsigned long slot, unsigned long count,
			 const struct pinned_policy *policy, u64 __user *phys)
{
	struct page **chunks;
	int err;

	/* Look before allocating; insert_chunks_locked() looks again, and decides. */
	if (is_any_filled(&pool->live, slot, count))
		return -EEXIST;
	chunks = kvmalloc_array(count, sizeof(*chunks), GFP_KERNEL_ACCOUNT);
	if (!chunks)
		return -ENOMEM;
	err = create_chunks(chunks, count, policy);
	if (err)
		goto out_free;
	if (phys)
		err = tell_phys(chunks, count, phys);
	if (!err) {
		mutex_lock(&pool->lock);
		err = insert_chunks_locked(pool, slot, chunks, count);
		mutex_unlock(&pool->lock);
	}
	if (err)
		destroy_chunks(chunks, count);
out_free:
	kvfree(chunks);
	return err;
}

static bool are_all_filled(struct pinned_view *view, unsigned long slot, unsigned long count)
{
	unsigned long i;

	for (i = 0; i < count; i++)
		if (!xa_load(&view->chunks, slot + i))
			return false;
	return true;
}

/**
 * pinned_pool_punch() - empty slots, all or none
 * @pool: a pool of the current address space
 * @slot: first slot
 * @count: slots; @slot and @count are in range
 *
 * Return: 0, or -ENOENT when one of them is empty.
 */
int pinned_pool_punch(struct pinned_pool *pool, unsigned long slot, unsigned long count)
{
	unsigned long i;
	int err = -ENOENT;

	mutex_lock(&pool->lock);
	if (are_all_filled(&pool->live, slot, count)) {
		for (i = 0; i < count; i++) {
			pinned_chunk_destroy(detach_chunk_locked(pool, slot + i));
			cond_resched();
		}
		WRITE_ONCE(pool->chunks, pool->chunks - count);
		err = 0;
	}
	mutex_unlock(&pool->lock);
	return err;
}

/**
 * pinned_pool_query() - the chunk in a slot, and how far it runs on contiguously
 * @pool: a pool of the current address space
 * @slot: the slot
 * @run: what was found
 *
 * Return: 0, or -ENOENT when the slot is empty.
 */
int pinned_pool_query(struct pinned_pool *pool, unsigned long slot, struct pinned_run *run)
{
	struct page *chunk, *next;
	int err = -ENOENT;

	mutex_lock(&pool->lock);
	chunk = xa_load(&pool->live.chunks, slot);
	if (chunk) {
		run->phys = page_to_phys(chunk);
		run->node = page_to_nid(chunk);
		for (run->slots = 1; run->slots < PINNED_MEM_COUNT_MAX; run->slots++) {
			next = xa_load(&pool->live.chunks, slot + run->slots);
			if (!next ||
			    page_to_phys(next) != run->phys + run->slots * PINNED_MEM_CHUNK_SIZE)
				break;
		}
		err = 0;
	}
	mutex_unlock(&pool->lock);
	return err;
}

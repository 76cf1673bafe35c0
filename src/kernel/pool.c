// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools: creates pools, and fills, empties and looks up their slots.
 *
 * For the locks and the lifetime of a pool's contents, see view.c. A pool lives from open until the
 * last reference to the file is dropped. Mappings hold references to the file, so no mapping can
 * outlive the pool. A pool's inode belongs to the driver's own pseudo filesystem, which is mounted
 * only while pools exist: a permanent mount would keep the module from being unloaded.
 *
 * The functions here write to user memory before they take pool->lock: such an access may fault,
 * and the fault needs mmap_lock, which nests outside. They also allocate chunks before they take
 * pool->lock, since that may take long.
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
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "chunk.h"
#include "memtype.h"
#include "name.h"
#include "pool.h"
#include "quota.h"
#include "snapshot.h"
#include "source.h"
#include "stat.h"
#include "trace.h"
#include "watch.h"

#define PINNED_FS_MAGIC 0x50494e4d /* "PINM" */

/* Protects `pools`; nests outside each pool's lock. */
static DEFINE_MUTEX(pools_lock);
static LIST_HEAD(pools);

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

static void check_owner(struct work_struct *work)
{
	struct delayed_work *owner_check = to_delayed_work(work);

	pinned_view_check_owner(container_of(owner_check, struct pinned_pool, owner_check));
}

static u64 next_pool_id(void)
{
	static atomic64_t last_id;

	return atomic64_inc_return(&last_id);
}

/**
 * pinned_pool_create() - creates an empty pool that belongs to the current address space
 *
 * Return: the pool, or an ERR_PTR(), such as ERR_PTR(-ENOMEM).
 */
struct pinned_pool *pinned_pool_create(void)
{
	struct pinned_pool *pool = kzalloc(sizeof(*pool), PINNED_GFP);
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
	/* Without a file size, newer kernels (seen on 7.2) silently map no huge pages. */
	i_size_write(pool->inode, PINNED_POOL_SIZE);
	err = -ENOMEM;
	pool->account = pinned_account_create();
	if (!pool->account)
		goto err_put_inode;
	pool->id = next_pool_id();
	mutex_init(&pool->lock);
	INIT_LIST_HEAD(&pool->watches);
	INIT_DELAYED_WORK(&pool->owner_check, check_owner);
	mmgrab(current->mm);
	pool->mm = current->mm;
	pinned_view_init(&pool->live, pool, current->mm);
	pool->opener = task_tgid_nr(current);
	get_task_comm(pool->comm, current);
	mutex_lock(&pools_lock);
	list_add_tail(&pool->node, &pools);
	mutex_unlock(&pools_lock);
	return pool;

err_put_inode:
	iput(pool->inode);
err_release_fs:
	simple_release_fs(&pool_mount, &pool_mount_users);
err_free:
	kfree(pool);
	return ERR_PTR(err);
}

/*
 * Destroys a pool whose file was released: there is no descriptor and no mapping, hence no snapshot
 * and no call in progress.
 */
void pinned_pool_destroy(struct pinned_pool *pool)
{
	mutex_lock(&pools_lock);
	list_del(&pool->node);
	mutex_unlock(&pools_lock);
	WARN_ON_ONCE(pool->snapshots);
	cancel_delayed_work_sync(&pool->owner_check);
	pinned_watch_fire(&pool->watches, 0, ULONG_MAX);
	mutex_lock(&pool->lock);
	pinned_view_empty_locked(&pool->live);
	mutex_unlock(&pool->lock);
	pinned_account_close(pool->account);
	mmdrop(pool->mm);
	iput(pool->inode);
	simple_release_fs(&pool_mount, &pool_mount_users);
	mutex_destroy(&pool->lock);
	kfree(pool);
}

bool pinned_pool_is_mine(struct pinned_pool *pool)
{
	return pool->mm == current->mm;
}

unsigned long pinned_pool_chunks(struct pinned_pool *pool)
{
	return atomic_long_read(&pool->chunks);
}

void pinned_pool_count_mappings(struct pinned_pool *pool, struct pinned_mem_info *info)
{
	mutex_lock(&pool->lock);
	info->snapshots = pool->snapshots;
	info->split_mappings = pinned_view_split_vmas_locked(&pool->live);
	info->mappings = pool->live.vmas;
	mutex_unlock(&pool->lock);
}

static void put_chunks(struct pinned_chunk **chunks, unsigned long count)
{
	while (count)
		pinned_chunk_put(chunks[--count]);
}

static int tell_phys(struct pinned_chunk **chunks, unsigned long count, u64 __user *phys)
{
	unsigned long i;

	for (i = 0; i < count; i++) {
		WRITE_ONCE(chunks[i]->is_disclosed, true);
		if (put_user((u64)page_to_phys(chunks[i]->page), phys + i))
			return -EFAULT;
	}
	return 0;
}

static bool is_any_filled(struct pinned_view *view, unsigned long slot, unsigned long count)
{
	unsigned long found = slot;

	return xa_find(&view->chunks, &found, slot + count - 1, XA_PRESENT);
}

/*
 * Removes a chunk from the table, then from the page tables. In between, waits for page faults that
 * found the chunk in the table but have not finished mapping it, so that no entry remains when this
 * function returns.
 */
static struct pinned_chunk *detach_chunk_locked(struct pinned_pool *pool, unsigned long slot)
{
	struct pinned_chunk *chunk = xa_erase(&pool->live.chunks, slot);

	lockdep_assert_held(&pool->lock);
	pinned_chunk_wait_for_faults(chunk);
	unmap_mapping_range(pool->inode->i_mapping, (loff_t)slot << PINNED_MEM_CHUNK_SHIFT,
			    PINNED_MEM_CHUNK_SIZE, 1);
	pinned_unname_chunk(chunk->page);
	return chunk;
}

/*
 * Returns true if the pool can get chunks of this memory type. A mapping has one type, and may show
 * any slot; so all chunks of a pool must have the same type.
 */
static bool is_type_possible(struct pinned_pool *pool, u32 type)
{
	return READ_ONCE(pool->memory_type) == type || xa_empty(&pool->live.chunks);
}

static int insert_chunks_locked(struct pinned_pool *pool, unsigned long slot,
				struct pinned_chunk **chunks, unsigned long count)
{
	unsigned long i;
	int err;

	lockdep_assert_held(&pool->lock);
	if (is_any_filled(&pool->live, slot, count))
		return -EEXIST;
	if (!is_type_possible(pool, chunks[0]->memory_type))
		return -EBUSY;
	WRITE_ONCE(pool->memory_type, chunks[0]->memory_type);
	for (i = 0; i < count; i++) {
		chunks[i]->born = pool->generation;
		pinned_name_chunk(chunks[i]->page, pool->inode,
				  (pgoff_t)(slot + i) << PINNED_CHUNK_ORDER);
		err = xa_err(xa_store(&pool->live.chunks, slot + i, chunks[i], PINNED_GFP));
		if (err) {
			pinned_unname_chunk(chunks[i]->page);
			goto err_detach;
		}
	}
	atomic_long_add(count, &pool->chunks);
	return 0;

err_detach:
	while (i--)
		detach_chunk_locked(pool, slot + i);
	return err;
}

static int fill_slots(struct pinned_pool *pool, unsigned long slot, struct pinned_chunk **chunks,
		      unsigned long count, const struct pinned_policy *policy, u64 __user *phys)
{
	int err = pinned_chunks_create(chunks, count, policy, pool->account);

	if (err)
		return err;
	if (phys)
		err = tell_phys(chunks, count, phys);
	if (!err) {
		mutex_lock(&pool->lock);
		err = insert_chunks_locked(pool, slot, chunks, count);
		mutex_unlock(&pool->lock);
	}
	if (err)
		put_chunks(chunks, count);
	return err;
}

/**
 * populate() - fills slots with new chunks, all or none
 * @pool: a pool of the current address space
 * @slot: first slot
 * @count: number of slots; all of them are inside the pool
 * @policy: sources, node, ceiling, memory type, contiguity
 * @phys: where to write the slots' physical addresses, or NULL
 *
 * Return: 0, -EEXIST, -EBUSY, -ENOMEM, -EDQUOT, -EFAULT, -EINTR.
 */
static int populate(struct pinned_pool *pool, unsigned long slot, unsigned long count,
		    const struct pinned_policy *policy, u64 __user *phys)
{
	struct pinned_chunk **chunks;
	int err;

	/* A check before the allocation; insert_chunks_locked() repeats it under the lock. */
	if (is_any_filled(&pool->live, slot, count))
		return -EEXIST;
	if (!is_type_possible(pool, policy->memory_type))
		return -EBUSY;
	chunks = kvmalloc_array(count, sizeof(*chunks), PINNED_GFP);
	if (!chunks)
		return -ENOMEM;
	err = fill_slots(pool, slot, chunks, count, policy, phys);
	kvfree(chunks);
	return err;
}

/*
 * As populate(); also updates the trace and the statistics, and begins to check the owner if it has
 * no mapping.
 */
int pinned_pool_populate(struct pinned_pool *pool, unsigned long slot, unsigned long count,
			 const struct pinned_policy *policy, u64 __user *phys)
{
	u64 begin = ktime_get_ns(), ns;
	int err = populate(pool, slot, count, policy, phys);

	ns = ktime_get_ns() - begin;
	trace_pinned_mem_populate(pool->id, slot, count, policy->memory_type, policy->node, err,
				  ns);
	pinned_count(err ? PINNED_POPULATE_FAILED : PINNED_POPULATE);
	if (!err) {
		pinned_stat_populate(ns);
		pinned_view_check_owner(pool);
	}
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

/*
 * Copies what the snapshots lack of chunks that are about to leave their slots. Returns 0; -EINTR
 * on a fatal signal.
 */
static int give_snapshots_locked(struct pinned_pool *pool, unsigned long slot, unsigned long count)
{
	lockdep_assert_held(&pool->lock);
	for (; count; slot++, count--) {
		if (fatal_signal_pending(current))
			return -EINTR;
		pinned_snapshot_give_chunk_locked(&pool->live, slot);
	}
	return 0;
}

/**
 * pinned_pool_punch() - empties slots, all or none
 * @pool: a pool of the current address space
 * @slot: first slot
 * @count: number of slots; all of them are inside the pool
 *
 * Return: 0; -ENOENT if one of the slots is empty; -EINTR on a fatal signal.
 */
int pinned_pool_punch(struct pinned_pool *pool, unsigned long slot, unsigned long count)
{
	unsigned long i;
	int err = -ENOENT;

	mutex_lock(&pool->lock);
	if (are_all_filled(&pool->live, slot, count))
		err = give_snapshots_locked(pool, slot, count);
	if (!err) {
		for (i = 0; i < count; i++) {
			pinned_chunk_put(detach_chunk_locked(pool, slot + i));
			cond_resched();
		}
		atomic_long_sub(count, &pool->chunks);
		pinned_watch_fire(&pool->watches, slot, slot + count - 1);
	}
	mutex_unlock(&pool->lock);
	trace_pinned_mem_punch(pool->id, slot, count, err);
	pinned_count(PINNED_PUNCH);
	return err;
}

/**
 * pinned_pool_query() - finds the chunk in a slot, and the length of its contiguous run
 * @pool: a pool of the current address space
 * @slot: the slot
 * @run: set to the result
 *
 * Return: 0, or -ENOENT if the slot is empty.
 */
int pinned_pool_query(struct pinned_pool *pool, unsigned long slot, struct pinned_run *run)
{
	struct pinned_chunk *chunk, *next;
	int err = -ENOENT;

	mutex_lock(&pool->lock);
	chunk = xa_load(&pool->live.chunks, slot);
	if (chunk) {
		run->phys = page_to_phys(chunk->page);
		run->node = page_to_nid(chunk->page);
		run->source = chunk->source->id;
		run->memory_type = chunk->memory_type;
		for (run->slots = 1; run->slots < PINNED_MEM_COUNT_MAX; run->slots++) {
			next = xa_load(&pool->live.chunks, slot + run->slots);
			if (!next || page_to_phys(next->page) !=
					     run->phys + run->slots * PINNED_MEM_CHUNK_SIZE)
				break;
		}
		WRITE_ONCE(chunk->is_disclosed, true);
		err = 0;
	}
	mutex_unlock(&pool->lock);
	return err;
}

/**
 * pinned_pool_sync() - makes CPU and devices see the same content
 * @pool: a pool of the current address space
 * @offset: first byte
 * @length: bytes, at least 1; all of them are inside the pool
 * @flags: PINNED_MEM_SYNC_*
 *
 * Return: 0; -ENOENT, with nothing done, if a slot is empty.
 */
int pinned_pool_sync(struct pinned_pool *pool, u64 offset, u64 length, u32 flags)
{
	unsigned long slot = offset >> PINNED_MEM_CHUNK_SHIFT;
	unsigned long last = (offset + length - 1) >> PINNED_MEM_CHUNK_SHIFT;
	struct pinned_chunk *chunk;
	int err = -ENOENT;
	u32 within, some;

	mutex_lock(&pool->lock);
	if (!are_all_filled(&pool->live, slot, last - slot + 1))
		goto out_unlock;
	for (; slot <= last; slot++, offset += some, length -= some) {
		within = offset & (PINNED_MEM_CHUNK_SIZE - 1);
		some = min_t(u64, length, PINNED_MEM_CHUNK_SIZE - within);
		chunk = xa_load(&pool->live.chunks, slot);
		pinned_memtype_sync(chunk->page, within, some, chunk->memory_type, flags);
		cond_resched();
	}
	err = 0;
out_unlock:
	mutex_unlock(&pool->lock);
	return err;
}

/* Output for administrators. */

static const char *type_name(u32 type)
{
	static const char *const names[] = {
		[PINNED_MEM_TYPE_COHERENT] = "coherent",
		[PINNED_MEM_TYPE_UNCACHED] = "uncached",
		[PINNED_MEM_TYPE_WRITE_COMBINE] = "write-combine",
		[PINNED_MEM_TYPE_CACHED] = "cached",
	};

	return names[type];
}

/* Prints a pool for fdinfo: one line for each value. */
void pinned_pool_show(struct seq_file *seq, struct pinned_pool *pool)
{
	mutex_lock(&pool->lock);
	seq_printf(seq, "pinned_mem_pool:\t%llu\n", pool->id);
	seq_printf(seq, "pinned_mem_chunks:\t%lu\n", pinned_pool_chunks(pool));
	seq_printf(seq, "pinned_mem_charged_chunks:\t%lu\n", pinned_account_chunks(pool->account));
	seq_printf(seq, "pinned_mem_pinned_pages:\t%lu\n", pinned_account_pages(pool->account));
	seq_printf(seq, "pinned_mem_type:\t%s\n", type_name(pool->memory_type));
	seq_printf(seq, "pinned_mem_mappings:\t%lu\n", pool->live.vmas);
	seq_printf(seq, "pinned_mem_split_mappings:\t%lu\n",
		   pinned_view_split_vmas_locked(&pool->live));
	seq_printf(seq, "pinned_mem_snapshots:\t%lu\n", pool->snapshots);
	mutex_unlock(&pool->lock);
}

/*
 * Prints the filled slots: for each sequence of slots on one node, " slots FIRST COUNT node NODE".
 */
static void show_slots_locked(struct seq_file *seq, struct pinned_pool *pool)
{
	unsigned long slot, first = 0, count = 0;
	struct pinned_chunk *chunk;
	int node = NUMA_NO_NODE;

	lockdep_assert_held(&pool->lock);
	xa_for_each(&pool->live.chunks, slot, chunk) {
		if (count && slot == first + count && page_to_nid(chunk->page) == node) {
			count++;
			continue;
		}
		if (count)
			seq_printf(seq, "  slots %lu %lu node %d\n", first, count, node);
		first = slot;
		count = 1;
		node = page_to_nid(chunk->page);
	}
	if (count)
		seq_printf(seq, "  slots %lu %lu node %d\n", first, count, node);
}

/* Prints all pools, and their slots, for debugfs. */
void pinned_pool_show_all(struct seq_file *seq)
{
	struct pinned_pool *pool;

	mutex_lock(&pools_lock);
	list_for_each_entry(pool, &pools, node) {
		mutex_lock(&pool->lock);
		seq_printf(seq, "pool %llu pid %d comm %s chunks %lu type %s", pool->id,
			   pool->opener, pool->comm, pinned_pool_chunks(pool),
			   type_name(pool->memory_type));
		seq_printf(seq, " mappings %lu split %lu snapshots %lu%s\n", pool->live.vmas,
			   pinned_view_split_vmas_locked(&pool->live), pool->snapshots,
			   pool->live.mm ? "" : " (owner has gone)");
		show_slots_locked(seq, pool);
		mutex_unlock(&pool->lock);
	}
	mutex_unlock(&pools_lock);
}

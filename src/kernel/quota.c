// SPDX-License-Identifier: GPL-2.0-only
/*
 * The limits: bounds on memory that can never be paged out. (The memory cgroup
 * is charged by the page allocator, see source_buddy.c and copy.c.)
 *
 * Counted are chunks, for everybody, for each user and for each pool, and the
 * pages of forked children's snapshots, for everybody. A user is the owner's
 * uid at open; what a pool's owner hands to others stays on its user. Each limit
 * is a module parameter, which may change at any time; lowering it below what is
 * in use takes nothing back, it refuses what comes next.
 *
 * Locks: the counts are raised only while below the limit, without a lock;
 * `users_lock` covers the list of users, and nests inside all others.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>

#include "base.h"
#include "quota.h"

struct pinned_user {
	kuid_t uid;
	refcount_t refs;
	atomic_long_t chunks;
	struct list_head node;
};

static DEFINE_SPINLOCK(users_lock);
static LIST_HEAD(users);

static atomic_long_t used_chunks;
static atomic_long_t used_copies;

static unsigned long limit_chunks;
static unsigned long user_limit_chunks;
static unsigned long pool_limit_chunks;
static bool use_memlock;

static unsigned long chunks_of_ram(void)
{
	return totalram_pages() >> PINNED_CHUNK_ORDER;
}

static unsigned long default_limit(void)
{
	return max(chunks_of_ram() / 2, 1UL);
}

/* A limit in chunks: 0 for the default, at most what the machine has. */
static int set_limit(const char *text, const struct kernel_param *kp)
{
	unsigned long *limit = kp->arg;
	unsigned long chunks;
	int err = kstrtoul(text, 0, &chunks);

	if (err)
		return err;
	if (chunks > chunks_of_ram())
		return -EINVAL;
	if (!chunks && limit == &limit_chunks)
		chunks = default_limit();
	WRITE_ONCE(*limit, chunks);
	return 0;
}

static const struct kernel_param_ops limit_ops = {
	.set = set_limit,
	.get = param_get_ulong,
};

module_param_cb(limit_chunks, &limit_ops, &limit_chunks, 0644);
MODULE_PARM_DESC(limit_chunks,
		 "chunks of 2 MiB that all pools together may hold (0: half of the memory)");
module_param_cb(user_limit_chunks, &limit_ops, &user_limit_chunks, 0644);
MODULE_PARM_DESC(user_limit_chunks,
		 "chunks that the pools of one user may hold (0: no such limit)");
module_param_cb(pool_limit_chunks, &limit_ops, &pool_limit_chunks, 0644);
MODULE_PARM_DESC(pool_limit_chunks, "chunks that one pool may hold (0: no such limit)");
module_param(use_memlock, bool, 0644);
MODULE_PARM_DESC(use_memlock,
		 "charge pools to RLIMIT_MEMLOCK of processes without CAP_IPC_LOCK (default: no)");

void pinned_quota_init(void)
{
	if (!limit_chunks)
		limit_chunks = default_limit();
}

/* Users. */

static struct pinned_user *find_user_locked(kuid_t uid)
{
	struct pinned_user *user;

	lockdep_assert_held(&users_lock);
	list_for_each_entry(user, &users, node)
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/* The current user, with a reference; NULL without memory. */
struct pinned_user *pinned_user_find(void)
{
	struct pinned_user *made = kzalloc(sizeof(*made), PINNED_GFP);
	struct pinned_user *user;

	if (!made)
		return NULL;
	made->uid = current_uid();
	refcount_set(&made->refs, 1);
	spin_lock(&users_lock);
	user = find_user_locked(made->uid);
	if (user)
		refcount_inc(&user->refs);
	else
		list_add(&made->node, &users);
	spin_unlock(&users_lock);
	if (!user)
		return made;
	kfree(made);
	return user;
}

struct pinned_user *pinned_user_get(struct pinned_user *user)
{
	refcount_inc(&user->refs);
	return user;
}

void pinned_user_put(struct pinned_user *user)
{
	if (!refcount_dec_and_lock(&user->refs, &users_lock))
		return;
	list_del(&user->node);
	spin_unlock(&users_lock);
	kfree(user);
}

unsigned long pinned_user_chunks(struct pinned_user *user)
{
	return atomic_long_read(&user->chunks);
}

/* Counts. */

static bool add_below(atomic_long_t *count, unsigned long n, unsigned long limit)
{
	long used = atomic_long_read(count);

	do {
		if (used + n > limit)
			return false;
	} while (!atomic_long_try_cmpxchg(count, &used, used + n));
	return true;
}

static void subtract(atomic_long_t *count, unsigned long n)
{
	WARN_ON_ONCE(atomic_long_sub_return(n, count) < 0);
}

/* 0 in a parameter is no limit. */
static unsigned long or_none(unsigned long limit)
{
	return limit ?: LONG_MAX;
}

/* Chunks' worth of snapshot pages, which the global limit counts too. */
static unsigned long chunks_of_copies(void)
{
	return DIV_ROUND_UP(pinned_quota_copies(), PINNED_CHUNK_PAGES);
}

/* One chunk, for everybody and for the user. Return: false, with nothing charged, at a limit. */
bool pinned_quota_charge(struct pinned_user *user)
{
	unsigned long limit = READ_ONCE(limit_chunks), copies = chunks_of_copies();

	if (!add_below(&used_chunks, 1, limit > copies ? limit - copies : 0))
		return false;
	if (add_below(&user->chunks, 1, or_none(READ_ONCE(user_limit_chunks))))
		return true;
	subtract(&used_chunks, 1);
	return false;
}

void pinned_quota_uncharge(struct pinned_user *user)
{
	subtract(&used_chunks, 1);
	subtract(&user->chunks, 1);
}

/* One page of a snapshot. Return: false at the global limit. */
bool pinned_quota_charge_copy(void)
{
	unsigned long limit = READ_ONCE(limit_chunks), used = pinned_quota_used();

	if (used >= limit)
		return false;
	return add_below(&used_copies, 1, (limit - used) * PINNED_CHUNK_PAGES);
}

void pinned_quota_uncharge_copy(void)
{
	subtract(&used_copies, 1);
}

static bool charge_memlock(struct mm_struct *mm, unsigned long pages)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	s64 pinned = atomic64_add_return(pages, &mm->pinned_vm);

	if (!READ_ONCE(use_memlock) || pinned <= limit || capable(CAP_IPC_LOCK))
		return true;
	atomic64_sub(pages, &mm->pinned_vm);
	return false;
}

/**
 * pinned_quota_charge_pool() - count chunks for a pool and its address space
 * @mm: the owner's; its pinned_vm is what /proc shows as VmPin
 * @chunks: the pool's count
 * @count: how many
 *
 * Return: 0; -EDQUOT over the pool's limit; -ENOMEM over RLIMIT_MEMLOCK.
 */
int pinned_quota_charge_pool(struct mm_struct *mm, atomic_long_t *chunks, unsigned long count)
{
	if (!add_below(chunks, count, or_none(READ_ONCE(pool_limit_chunks))))
		return -EDQUOT;
	if (charge_memlock(mm, count << PINNED_CHUNK_ORDER))
		return 0;
	subtract(chunks, count);
	return -ENOMEM;
}

void pinned_quota_uncharge_pool(struct mm_struct *mm, atomic_long_t *chunks, unsigned long count)
{
	atomic64_sub(count << PINNED_CHUNK_ORDER, &mm->pinned_vm);
	subtract(chunks, count);
}

unsigned long pinned_quota_used(void)
{
	return atomic_long_read(&used_chunks);
}

/* Pages of snapshots. */
unsigned long pinned_quota_copies(void)
{
	return atomic_long_read(&used_copies);
}

unsigned long pinned_quota_limit(void)
{
	return READ_ONCE(limit_chunks);
}

unsigned long pinned_quota_user_limit(void)
{
	return READ_ONCE(user_limit_chunks);
}

unsigned long pinned_quota_pool_limit(void)
{
	return READ_ONCE(pool_limit_chunks);
}

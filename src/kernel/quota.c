// SPDX-License-Identifier: GPL-2.0-only
/*
 * Charges chunks and copies to the limits, which bound memory that can never be paged out. (The
 * page allocator charges the memory cgroup, see source_buddy.c and copy.c.)
 *
 * A chunk is charged from before its memory is allocated until its memory is free again, whoever
 * holds the chunk meanwhile: a slot, a dma-buf, another driver, a pipe, or the quarantine. The
 * chunk is charged to the total of all pools, to its pool, to the address space that owns the pool,
 * to the user who opened the pool, and to the owner of each user namespace in which that user
 * lives. The pages of forked children's snapshots are charged to the total of all pools, with
 * headroom that chunks cannot use, and to the same users, where they are counted separately from
 * chunks. Pages of the program's own memory (pin.c) are charged as the smallest number of chunks
 * that would hold all pages of the pool's pins together.
 *
 * The limits may change at any time (limits.c). A limit below the current use takes nothing back;
 * further charges fail.
 *
 * Lifetime: a pool, and each chunk that is charged to an account, hold references to the account;
 * the chunks may outlive the pool. After a pool was destroyed, the chunks that are still charged to
 * its account count against RLIMIT_MEMLOCK of every process of the user, since the process that
 * pinned them may not exist any more.
 *
 * Locks: the counters of users and of the total are atomic, and are only raised while below the
 * limit. account->lock protects the account's fields; `users_lock` protects the list of users. Both
 * locks nest inside all others. account->pages_lock, a mutex, nests outside account->lock.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "base.h"
#include "limits.h"
#include "quota.h"

/**
 * struct pinned_user - a user with pools or chunks
 * @uid:	the user's id in the initial namespace
 * @refs:	one for each account that charges the user
 * @chunks:	chunks that are charged to the user
 * @resting:	those of @chunks that rest in quarantine
 * @left:	those of @chunks that belonged to destroyed pools which this user had opened
 * @copies:	pages of snapshots that are charged to the user
 * @node:	entry in `users`
 */
struct pinned_user {
	kuid_t uid;
	refcount_t refs;
	atomic_long_t chunks;
	atomic_long_t resting;
	atomic_long_t left;
	atomic_long_t copies;
	struct list_head node;
};

/**
 * struct pinned_account - the charges of one pool
 * @refs:	one for the pool, one for each chunk
 * @mm:		the pool's owner, whose pinned_vm /proc shows as VmPin; NULL once the pool
 *		was destroyed
 * @lock:	protects @mm and @chunks
 * @chunks:	chunks that are charged to the account
 * @pages_lock: protects @pages, and the charge of as many chunks
 * @pages:	pages of pins that are charged to the account
 * @n_users:	number of entries in @users
 * @users:	the user who opened the pool; then the owners of the namespaces, inner ones first
 */
struct pinned_account {
	refcount_t refs;
	struct mm_struct *mm;
	spinlock_t lock;
	unsigned long chunks;
	struct mutex pages_lock;
	unsigned long pages;
	unsigned int n_users;
	struct pinned_user *users[];
};

static DEFINE_SPINLOCK(users_lock);
static LIST_HEAD(users);

static atomic_long_t charged_chunks;
static atomic_long_t resting_chunks;
static atomic_long_t used_copies;

static atomic_long_t low_chunks;

/* Counters. */

static bool add_within_limit(atomic_long_t *count, unsigned long n, unsigned long limit)
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

/* The parameter value 0 means no limit. */
static unsigned long or_unlimited(unsigned long limit)
{
	return limit ?: LONG_MAX;
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

/* Finds or creates a user. Returns the user, with a reference; NULL without memory. */
static struct pinned_user *get_user_of(kuid_t uid)
{
	struct pinned_user *made = kzalloc(sizeof(*made), PINNED_GFP);
	struct pinned_user *user;

	if (!made)
		return NULL;
	made->uid = uid;
	refcount_set(&made->refs, 1);
	spin_lock(&users_lock);
	user = find_user_locked(uid);
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

static void put_user_of(struct pinned_user *user)
{
	if (!refcount_dec_and_lock(&user->refs, &users_lock))
		return;
	list_del(&user->node);
	spin_unlock(&users_lock);
	kfree(user);
}

static bool charge_user(struct pinned_user *user, unsigned long count, bool *does_rest_help)
{
	unsigned long limit = or_unlimited(pinned_limit_user());

	if (add_within_limit(&user->chunks, count, limit))
		return true;
	*does_rest_help =
		atomic_long_read(&user->chunks) + count - atomic_long_read(&user->resting) <= limit;
	return false;
}

/* Accounts. */

static bool has_user(const struct pinned_account *account, kuid_t uid)
{
	unsigned int i;

	for (i = 0; i < account->n_users; i++)
		if (uid_eq(account->users[i]->uid, uid))
			return true;
	return false;
}

static bool add_user(struct pinned_account *account, kuid_t uid)
{
	if (has_user(account, uid))
		return true;
	account->users[account->n_users] = get_user_of(uid);
	return account->users[account->n_users] && ++account->n_users;
}

/* Adds the current user, and the owners of the user namespaces around that user. */
static bool add_users(struct pinned_account *account)
{
	struct user_namespace *ns;

	if (!add_user(account, current_uid()))
		return false;
	for (ns = current_user_ns(); ns != &init_user_ns; ns = ns->parent)
		if (!add_user(account, ns->owner))
			return false;
	return true;
}

static void free_account(struct pinned_account *account)
{
	while (account->n_users)
		put_user_of(account->users[--account->n_users]);
	kfree(account);
}

/**
 * pinned_account_create() - creates an account for a new pool of the current process
 *
 * Return: the account, which pinned_account_close() ends; NULL without memory.
 */
struct pinned_account *pinned_account_create(void)
{
	struct pinned_account *account;

	account = kzalloc(struct_size(account, users, current_user_ns()->level + 1), PINNED_GFP);
	if (!account)
		return NULL;
	if (!add_users(account)) {
		free_account(account);
		return NULL;
	}
	refcount_set(&account->refs, 1);
	spin_lock_init(&account->lock);
	mutex_init(&account->pages_lock);
	mmgrab(current->mm);
	account->mm = current->mm;
	return account;
}

struct pinned_account *pinned_account_get(struct pinned_account *account)
{
	refcount_inc(&account->refs);
	return account;
}

void pinned_account_put(struct pinned_account *account)
{
	if (refcount_dec_and_test(&account->refs))
		free_account(account);
}

/*
 * Closes the account of a pool that is being destroyed. The chunks that are left stay charged to
 * the user, but not to the owner's address space any more.
 */
void pinned_account_close(struct pinned_account *account)
{
	struct mm_struct *mm = account->mm;

	spin_lock(&account->lock);
	account->mm = NULL;
	atomic64_sub(account->chunks << PINNED_CHUNK_ORDER, &mm->pinned_vm);
	atomic_long_add(account->chunks, &account->users[0]->left);
	spin_unlock(&account->lock);
	mmdrop(mm);
	pinned_account_put(account);
}

/*
 * Returns the number of chunks that are charged to the pool: in its slots, or held by somebody
 * else.
 */
unsigned long pinned_account_chunks(struct pinned_account *account)
{
	return READ_ONCE(account->chunks);
}

/* Returns the number of chunks that are charged to the user who opened the pool. */
unsigned long pinned_account_user_chunks(struct pinned_account *account)
{
	return atomic_long_read(&account->users[0]->chunks);
}

/* Returns the number of pages of pins that are charged to the pool. */
unsigned long pinned_account_pages(struct pinned_account *account)
{
	return READ_ONCE(account->pages);
}

/* Charging. */

/*
 * Returns the headroom of copies, in chunks: copies may use this much beyond the limit. A child is
 * killed if there is no memory for a copy, so a process that fills the limit with chunks must leave
 * some for copies.
 */
static unsigned long headroom_of_copies(void)
{
	return DIV_ROUND_UP(pinned_limit_all(), 2);
}

/* Returns how much of the global limit copies use beyond their headroom, in chunks. */
static unsigned long chunks_of_copies(void)
{
	unsigned long chunks = DIV_ROUND_UP(pinned_quota_copies(), PINNED_CHUNK_PAGES);
	unsigned long headroom = headroom_of_copies();

	return chunks > headroom ? chunks - headroom : 0;
}

static bool charge_all(unsigned long count, bool *does_rest_help)
{
	unsigned long limit = pinned_limit_all(), copies = chunks_of_copies();

	limit = limit > copies ? limit - copies : 0;
	if (add_within_limit(&charged_chunks, count, limit))
		return true;
	*does_rest_help = pinned_quota_used() + count <= limit;
	return false;
}

/*
 * Returns true if RLIMIT_MEMLOCK lets the process pin @count more chunks, in addition to the chunks
 * that its user's destroyed pools have left pinned.
 */
static bool is_within_memlock_locked(struct pinned_account *account, unsigned long count,
				     bool *does_rest_help)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	unsigned long left = atomic_long_read(&account->users[0]->left);
	unsigned long resting = atomic_long_read(&account->users[0]->resting);
	u64 pages = atomic64_read(&account->mm->pinned_vm) + ((left + count) << PINNED_CHUNK_ORDER);

	lockdep_assert_held(&account->lock);
	if (!pinned_limit_has_memlock() || pages <= limit || capable(CAP_IPC_LOCK))
		return true;
	*does_rest_help = pages <= limit + (min(left, resting) << PINNED_CHUNK_ORDER);
	return false;
}

static int charge_account_locked(struct pinned_account *account, unsigned long count,
				 bool *does_rest_help)
{
	lockdep_assert_held(&account->lock);
	if (account->chunks + count > or_unlimited(pinned_limit_pool()))
		return -EDQUOT;
	if (!is_within_memlock_locked(account, count, does_rest_help))
		return -ENOMEM;
	WRITE_ONCE(account->chunks, account->chunks + count);
	atomic64_add(count << PINNED_CHUNK_ORDER, &account->mm->pinned_vm);
	return 0;
}

/**
 * pinned_quota_charge() - charges chunks, all or none
 * @account: account of a pool of the current process
 * @count: number of chunks
 * @does_rest_help: on failure, set to whether there will be room once resting chunks are free
 *
 * Return: 0; -EDQUOT over a limit; -ENOMEM over RLIMIT_MEMLOCK.
 */
int pinned_quota_charge(struct pinned_account *account, unsigned long count, bool *does_rest_help)
{
	unsigned int i;
	int err = -EDQUOT;

	*does_rest_help = false;
	if (!charge_all(count, does_rest_help))
		return -EDQUOT;
	for (i = 0; i < account->n_users; i++)
		if (!charge_user(account->users[i], count, does_rest_help))
			goto err_uncharge;
	spin_lock(&account->lock);
	err = charge_account_locked(account, count, does_rest_help);
	spin_unlock(&account->lock);
	if (!err)
		return 0;

err_uncharge:
	while (i--)
		subtract(&account->users[i]->chunks, count);
	subtract(&charged_chunks, count);
	return err;
}

static void uncharge_account(struct pinned_account *account, unsigned long count)
{
	spin_lock(&account->lock);
	WARN_ON_ONCE(account->chunks < count);
	WRITE_ONCE(account->chunks, account->chunks - count);
	if (account->mm)
		atomic64_sub(count << PINNED_CHUNK_ORDER, &account->mm->pinned_vm);
	else
		subtract(&account->users[0]->left, count);
	spin_unlock(&account->lock);
}

/* Uncharges @count chunks whose memory is free again, or was never allocated. */
void pinned_quota_uncharge(struct pinned_account *account, unsigned long count)
{
	unsigned int i;

	uncharge_account(account, count);
	for (i = 0; i < account->n_users; i++)
		subtract(&account->users[i]->chunks, count);
	subtract(&charged_chunks, count);
}

/**
 * pinned_quota_charge_pages() - charges pages of the program's own memory, all or none
 * @account: account of a pool of the current process
 * @count: number of pages
 *
 * Return: 0; -EDQUOT over a limit; -ENOMEM over RLIMIT_MEMLOCK.
 */
int pinned_quota_charge_pages(struct pinned_account *account, unsigned long count)
{
	unsigned long before, after;
	bool does_rest_help;
	int err = 0;

	mutex_lock(&account->pages_lock);
	before = DIV_ROUND_UP(account->pages, PINNED_CHUNK_PAGES);
	after = DIV_ROUND_UP(account->pages + count, PINNED_CHUNK_PAGES);
	if (after > before)
		err = pinned_quota_charge(account, after - before, &does_rest_help);
	if (!err)
		WRITE_ONCE(account->pages, account->pages + count);
	mutex_unlock(&account->pages_lock);
	return err;
}

/* Uncharges @count pages of pins. */
void pinned_quota_uncharge_pages(struct pinned_account *account, unsigned long count)
{
	unsigned long before, after;

	mutex_lock(&account->pages_lock);
	before = DIV_ROUND_UP(account->pages, PINNED_CHUNK_PAGES);
	after = DIV_ROUND_UP(account->pages - count, PINNED_CHUNK_PAGES);
	WRITE_ONCE(account->pages, account->pages - count);
	if (before > after)
		pinned_quota_uncharge(account, before - after);
	mutex_unlock(&account->pages_lock);
}

/* Returns true if the limit leaves room for a chunk below 4 GiB. */
bool pinned_quota_has_low(void)
{
	return pinned_quota_low() < pinned_limit_low();
}

/* Charges one chunk that turned out to lie below 4 GiB. Returns false at the limit. */
bool pinned_quota_charge_low(void)
{
	return add_within_limit(&low_chunks, 1, pinned_limit_low());
}

void pinned_quota_uncharge_low(void)
{
	subtract(&low_chunks, 1);
}

/* Counts a charged chunk as resting. The chunk stays charged, but is not counted as used. */
void pinned_quota_rest(struct pinned_account *account)
{
	unsigned int i;

	for (i = 0; i < account->n_users; i++)
		atomic_long_inc(&account->users[i]->resting);
	atomic_long_inc(&resting_chunks);
}

void pinned_quota_unrest(struct pinned_account *account)
{
	unsigned int i;

	for (i = 0; i < account->n_users; i++)
		subtract(&account->users[i]->resting, 1);
	subtract(&resting_chunks, 1);
}

/*
 * Returns the limit of all copies together, in pages: their headroom, and what chunks leave of the
 * limit.
 */
static unsigned long limit_of_copies(void)
{
	unsigned long limit = pinned_limit_all(), used = atomic_long_read(&charged_chunks);
	unsigned long left = used < limit ? limit - used : 0;

	return (headroom_of_copies() + left) * PINNED_CHUNK_PAGES;
}

/* A user may have this many times as many copies as are left for others. */
#define COPIES_SHARE 4

/*
 * Charges a copy to a user, who may have COPIES_SHARE times as many as are left for others: a
 * single user gets up to four fifths, the next user four fifths of the rest, so that some are left
 * for everybody.
 */
static bool charge_copy_to_user(struct pinned_user *user)
{
	unsigned long limit = limit_of_copies(), all = pinned_quota_copies();
	unsigned long left = all < limit ? limit - all : 0;
	unsigned long user_limit = pinned_limit_user();

	user_limit = user_limit ? user_limit * PINNED_CHUNK_PAGES : LONG_MAX;
	return add_within_limit(&user->copies, 1, min(user_limit, left * COPIES_SHARE));
}

/**
 * pinned_quota_charge_copy() - charges one page of a snapshot
 * @account: account of the pool
 *
 * Return: true; false at a limit, with nothing charged.
 */
bool pinned_quota_charge_copy(struct pinned_account *account)
{
	unsigned int i;

	if (!add_within_limit(&used_copies, 1, limit_of_copies()))
		return false;
	for (i = 0; i < account->n_users; i++)
		if (!charge_copy_to_user(account->users[i]))
			goto err_uncharge;
	return true;

err_uncharge:
	while (i--)
		subtract(&account->users[i]->copies, 1);
	subtract(&used_copies, 1);
	return false;
}

void pinned_quota_uncharge_copy(struct pinned_account *account)
{
	unsigned int i;

	for (i = 0; i < account->n_users; i++)
		subtract(&account->users[i]->copies, 1);
	subtract(&used_copies, 1);
}

/* Returns the number of chunks in use: charged, and not resting. */
unsigned long pinned_quota_used(void)
{
	long resting = atomic_long_read(&resting_chunks);

	return max(atomic_long_read(&charged_chunks) - resting, 0L);
}

/* Returns the number of resting chunks, see quarantine.c. */
unsigned long pinned_quota_resting(void)
{
	return atomic_long_read(&resting_chunks);
}

/* Returns the number of chunks below 4 GiB, including resting ones. */
unsigned long pinned_quota_low(void)
{
	return atomic_long_read(&low_chunks);
}

/* Returns the number of pages that snapshots have copied. */
unsigned long pinned_quota_copies(void)
{
	return atomic_long_read(&used_copies);
}

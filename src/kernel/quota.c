// SPDX-License-Identifier: GPL-2.0-only
/*
 * The global limit: a bound on memory that can never be paged out.
 *
 * No lock: one counter, raised only while below the limit. The limit is the
 * module parameter limit_chunks, which may change at any time; lowering it
 * below what is in use takes nothing back, it refuses what comes next.
 */
#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "chunk.h"
#include "quota.h"

static atomic_long_t used_chunks;
static unsigned long limit_chunks;

static unsigned long chunks_of_ram(void)
{
	return totalram_pages() >> PINNED_CHUNK_ORDER;
}

static unsigned long default_limit(void)
{
	return max(chunks_of_ram() / 2, 1UL);
}

static int set_limit(const char *text, const struct kernel_param *kp)
{
	unsigned long chunks;
	int err = kstrtoul(text, 0, &chunks);

	if (err)
		return err;
	if (chunks > chunks_of_ram())
		return -EINVAL;
	WRITE_ONCE(limit_chunks, chunks ?: default_limit());
	return 0;
}

static int get_limit(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%lu\n", pinned_quota_limit());
}

static const struct kernel_param_ops limit_ops = {
	.set = set_limit,
	.get = get_limit,
};

module_param_cb(limit_chunks, &limit_ops, NULL, 0644);
MODULE_PARM_DESC(limit_chunks,
		 "chunks of 2 MiB that all pools together may hold (0: half of the memory)");

void pinned_quota_init(void)
{
	if (!limit_chunks)
		limit_chunks = default_limit();
}

/* Return: false, with nothing charged, at the limit. */
bool pinned_quota_charge(void)
{
	long limit = READ_ONCE(limit_chunks);
	long used = atomic_long_read(&used_chunks);

	do {
		if (used >= limit)
			return false;
	} while (!atomic_long_try_cmpxchg(&used_chunks, &used, used + 1));
	return true;
}

void pinned_quota_uncharge(void)
{
	WARN_ON_ONCE(atomic_long_dec_return(&used_chunks) < 0);
}

unsigned long pinned_quota_used(void)
{
	return atomic_long_read(&used_chunks);
}

unsigned long pinned_quota_limit(void)
{
	return READ_ONCE(limit_chunks);
}

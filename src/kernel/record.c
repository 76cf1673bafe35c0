// SPDX-License-Identifier: GPL-2.0-only
/*
 * The record of one chunk. It is created before there is memory for the chunk, and freed with the
 * memory, which goes back to its source; the chunk is charged until then. What happens in between
 * is above: see chunk.c for who holds a chunk, and quarantine.c for its way back.
 *
 * The record is charged to the same memory cgroup as the chunk's pages. So the list_lru for which
 * it is allocated keeps it in that cgroup's list, and the cgroup's reclaim finds it there.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/list_lru.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include "base.h"
#include "compat.h"
#include "memtype.h"
#include "page.h"
#include "quota.h"
#include "record.h"
#include "source.h"

static struct kmem_cache *cache;
static atomic_long_t poisoned;
static struct list_lru lru;

int pinned_record_init(void)
{
	cache = kmem_cache_create("pinned_chunk", sizeof(struct pinned_chunk), 0, SLAB_ACCOUNT,
				  NULL);
	return cache ? 0 : -ENOMEM;
}

void pinned_record_exit(void)
{
	kmem_cache_destroy(cache);
}

/* The list that quarantine.c keeps, by memory cgroup, with the records' @lru. */
struct list_lru *pinned_record_lru(void)
{
	return &lru;
}

/**
 * pinned_record_create() - a chunk that has no memory yet, with one reference
 * @account: charged with it already; the record takes the charge over
 *
 * Return: the chunk, or NULL without memory.
 */
struct pinned_chunk *pinned_record_create(struct pinned_account *account)
{
	struct pinned_chunk *chunk = pinned_cache_alloc_lru(cache, &lru, PINNED_GFP | __GFP_ZERO);

	if (!chunk)
		return NULL;
	chunk->account = pinned_account_get(account);
	refcount_set(&chunk->refs, 1);
	INIT_LIST_HEAD(&chunk->node);
	INIT_LIST_HEAD(&chunk->lru);
	return chunk;
}

/*
 * Makes a chunk write-back that nothing of the driver's holds. Return: the chunk is write-back, and
 * nobody has a reference to it any more.
 */
bool pinned_record_can_free(struct pinned_chunk *chunk)
{
	return pinned_memtype_reset(chunk->page, &chunk->memory_type) &&
	       pinned_page_is_last_reference(chunk->page);
}

/* Return: whoever still pins pages of the chunk may keep them when the driver has gone. */
bool pinned_record_can_abandon(struct pinned_chunk *chunk)
{
	return chunk->source->is_buddy && pinned_memtype_reset(chunk->page, &chunk->memory_type);
}

/* Keeps a chunk whose memory has failed from being used again: nobody has it from now on. */
void pinned_record_retire(struct page *page)
{
	atomic_long_inc(&poisoned);
	pr_warn_ratelimited("a chunk on node %d has failed memory, and is not used any more\n",
			    page_to_nid(page));
}

/* Chunks that are not used any more. */
unsigned long pinned_record_poisoned(void)
{
	return atomic_long_read(&poisoned);
}

/* Gives the memory, if there is any, back to its source, and frees the record. */
void pinned_record_free(struct pinned_chunk *chunk)
{
	struct pinned_account *account = chunk->account;

	if (chunk->page && pinned_page_is_poisoned(chunk->page))
		pinned_record_retire(chunk->page);
	else if (chunk->page)
		chunk->source->give(chunk->page);
	if (chunk->is_low)
		pinned_quota_uncharge_low();
	pinned_quota_uncharge(account, 1);
	pinned_account_put(account);
	kmem_cache_free(cache, chunk);
}

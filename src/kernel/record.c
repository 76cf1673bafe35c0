// SPDX-License-Identifier: GPL-2.0-only
/*
 * The record of one chunk. A record is created before its chunk has memory, and is freed when that
 * memory goes back to its source; the chunk is charged until then. For what happens in between, see
 * chunk.c (the holders of a chunk) and quarantine.c (the return of a chunk to its source).
 *
 * A record is charged to the same memory cgroup as its chunk's pages. A record is allocated for the
 * list_lru, so that the list_lru keeps the record in that cgroup's list, where the cgroup's reclaim
 * finds it. A list_lru sorts objects by their own NUMA nodes, so the record of a chunk that may be
 * on the list_lru lies on the node of the chunk's memory (pinned_record_follow_memory()).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
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

/* Returns the list_lru in which quarantine.c links records by @lru, sorted by memory cgroup. */
struct list_lru *pinned_record_lru(void)
{
	return &lru;
}

/**
 * pinned_record_create() - creates a chunk without memory, with one reference
 * @account: account that is charged for the chunk already; the record takes over the charge
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
 * Allocates a record on a node. The first allocation makes the list_lru allocate its lists for the
 * memory cgroup that both allocations charge. Returns NULL without memory on that node.
 */
static struct pinned_chunk *alloc_on_node(int node)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(current->mm);
	struct mem_cgroup *old = pinned_set_active_memcg(memcg);
	struct pinned_chunk *any = pinned_cache_alloc_lru(cache, &lru, PINNED_GFP), *record = NULL;

	if (any)
		record = kmem_cache_alloc_node(cache, PINNED_GFP | __GFP_THISNODE, node);
	pinned_set_active_memcg(old);
	mem_cgroup_put(memcg);
	if (any)
		kmem_cache_free(cache, any);
	return record;
}

/**
 * pinned_record_follow_memory() - moves the record of a new chunk to the node of the chunk's memory
 * @chunk: a chunk that has just got its memory, to which nothing refers yet
 *
 * The record stays where it is without memory on that node, and if the chunk can never be on the
 * list_lru.
 *
 * Return: the chunk's record; the caller must not use @chunk any more.
 */
struct pinned_chunk *pinned_record_follow_memory(struct pinned_chunk *chunk)
{
	int node = page_to_nid(chunk->page);
	struct pinned_chunk *moved;

	if (!chunk->source->is_buddy || page_to_nid(virt_to_page(chunk)) == node)
		return chunk;
	moved = alloc_on_node(node);
	if (!moved)
		return chunk;
	*moved = *chunk;
	INIT_LIST_HEAD(&moved->node);
	INIT_LIST_HEAD(&moved->lru);
	kmem_cache_free(cache, chunk);
	return moved;
}

/*
 * Makes a chunk without a holder in the driver write-back again. Returns true if the chunk is now
 * write-back and nobody else has a reference to it.
 */
bool pinned_record_can_free(struct pinned_chunk *chunk)
{
	return pinned_memtype_reset(chunk->page, &chunk->memory_type) &&
	       pinned_page_is_last_reference(chunk->page);
}

/*
 * Returns true if the chunk's pages may stay, after the module was unloaded, with whoever pins
 * them.
 */
bool pinned_record_can_abandon(struct pinned_chunk *chunk)
{
	return chunk->source->is_buddy && pinned_memtype_reset(chunk->page, &chunk->memory_type);
}

/*
 * Records that a chunk has failed memory. The caller keeps the page, so that nobody gets it again.
 */
void pinned_record_retire(struct page *page)
{
	atomic_long_inc(&poisoned);
	pr_warn_ratelimited("a chunk on node %d has failed memory, and is not used any more\n",
			    page_to_nid(page));
}

/* Returns the number of chunks that are not used any more because of failed memory. */
unsigned long pinned_record_poisoned(void)
{
	return atomic_long_read(&poisoned);
}

/*
 * Frees the record: gives the memory, if there is any, back to its source, and uncharges the chunk.
 */
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

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The record of one chunk: it is created, charged, before there is memory for it, and is freed
 * with the memory, which goes back to its source. What happens in between is above: see chunk.c
 * for who holds a chunk, and quarantine.c for its way back.
 */
#include <linux/err.h>
#include <linux/slab.h>

#include "base.h"
#include "memtype.h"
#include "quota.h"
#include "record.h"
#include "source.h"

static struct kmem_cache *cache;

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

/**
 * pinned_record_create() - a chunk that has no memory yet, with one reference
 * @user: whom to charge
 *
 * Return: the chunk; ERR_PTR(-EDQUOT) at a limit; ERR_PTR(-ENOMEM).
 */
struct pinned_chunk *pinned_record_create(struct pinned_user *user)
{
	struct pinned_chunk *chunk = kmem_cache_zalloc(cache, PINNED_GFP);

	if (!chunk)
		return ERR_PTR(-ENOMEM);
	if (!pinned_quota_charge(user)) {
		kmem_cache_free(cache, chunk);
		return ERR_PTR(-EDQUOT);
	}
	chunk->user = pinned_user_get(user);
	refcount_set(&chunk->refs, 1);
	INIT_LIST_HEAD(&chunk->node);
	return chunk;
}

/* Takes the charge of a chunk back. Does nothing if that was done before. */
void pinned_record_uncharge(struct pinned_chunk *chunk)
{
	if (!chunk->user)
		return;
	pinned_quota_uncharge(chunk->user);
	pinned_user_put(chunk->user);
	chunk->user = NULL;
}

/*
 * Makes a chunk write-back that nothing of the driver's holds. Return: the chunk is write-back, and
 * its source can take it, because nobody else has a reference or because the source does not mind.
 */
bool pinned_record_can_free(struct pinned_chunk *chunk)
{
	if (!pinned_memtype_reset(chunk->page, &chunk->memory_type))
		return false;
	return !chunk->source->needs_last_reference || pinned_page_is_last_reference(chunk->page);
}

/* Gives the memory, if there is any, back to its source, and frees the record. */
void pinned_record_free(struct pinned_chunk *chunk)
{
	if (chunk->page)
		chunk->source->give(chunk->page);
	pinned_record_uncharge(chunk);
	kmem_cache_free(cache, chunk);
}

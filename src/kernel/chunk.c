// SPDX-License-Identifier: GPL-2.0-only
/*
 * Birth and death of a chunk.
 *
 * Lifetime. Two counts keep a chunk. Its own, @refs, is for what the driver has
 * given it to: a slot in a view's table (the one of birth), a dma-buf, a range
 * lent to another driver. While one of them is left the driver holds one
 * reference to the page. The page's count is for everybody else: page-table
 * entries, pins of get_user_pages, a page fault under way. When @refs ends, the
 * chunk is given back to its source: at once, or after its quarantine; and the
 * source lets go of the page only when nobody else has it (see quarantine.c for
 * those that must wait). So whoever lets go first takes nothing from the others.
 *
 * The limits count a chunk until @refs ends. What others keep pinned after that
 * is theirs to account for.
 */
#include <linux/err.h>
#include <linux/slab.h>

#include "chunk.h"
#include "compat.h"
#include "memtype.h"
#include "quarantine.h"
#include "quota.h"
#include "source.h"

static struct kmem_cache *chunk_cache;

int pinned_chunk_init(void)
{
	chunk_cache = kmem_cache_create("pinned_chunk", sizeof(struct pinned_chunk), 0,
					SLAB_ACCOUNT, NULL);
	return chunk_cache ? 0 : -ENOMEM;
}

void pinned_chunk_exit(void)
{
	kmem_cache_destroy(chunk_cache);
}

/**
 * pinned_chunk_create() - a new, zeroed chunk
 * @policy: source, node, ceiling, memory type
 * @user: whom to charge
 *
 * Return: the chunk with one reference; ERR_PTR(-EDQUOT) over a limit;
 * ERR_PTR(-ENOMEM).
 */
struct pinned_chunk *pinned_chunk_create(const struct pinned_policy *policy,
					 struct pinned_user *user)
{
	struct pinned_chunk *chunk = kmem_cache_zalloc(chunk_cache, GFP_KERNEL);
	int err = -EDQUOT;

	if (!chunk)
		return ERR_PTR(-ENOMEM);
	if (!pinned_quota_charge(user))
		goto err_free;
	err = pinned_source_take(chunk, policy);
	if (err)
		goto err_uncharge;
	/*
	 * The allocator leaves the last owner's index. The core compares it with
	 * the file's size, and maps single pages where it seems to be beyond.
	 */
	pinned_set_page_index(chunk->page, 0);
	err = -ENOMEM;
	if (!pinned_memtype_set(chunk, policy->memory_type))
		goto err_give;
	chunk->user = pinned_user_get(user);
	refcount_set(&chunk->refs, 1);
	INIT_LIST_HEAD(&chunk->node);
	return chunk;

err_give:
	pinned_source_give(chunk);
err_uncharge:
	pinned_quota_uncharge(user);
err_free:
	kmem_cache_free(chunk_cache, chunk);
	return ERR_PTR(err);
}

struct pinned_chunk *pinned_chunk_get(struct pinned_chunk *chunk)
{
	refcount_inc(&chunk->refs);
	return chunk;
}

static void uncharge(struct pinned_chunk *chunk)
{
	pinned_quota_uncharge(chunk->user);
	pinned_user_put(chunk->user);
	chunk->user = NULL;
}

/* Nothing of the driver's has it, hence no mapping either. */
static void let_go(struct pinned_chunk *chunk, bool must_rest)
{
	uncharge(chunk);
	pinned_memtype_reset(chunk);
	pinned_quarantine_return(chunk, must_rest);
}

/* Put a reference. Whoever held it is done with the memory, and its devices are. */
void pinned_chunk_put(struct pinned_chunk *chunk)
{
	if (!refcount_dec_and_test(&chunk->refs))
		return;
	let_go(chunk, false);
}

/*
 * Put a reference because its holder died. A device that was told the address
 * may still write there, so nobody else gets the memory for a while.
 */
void pinned_chunk_abandon(struct pinned_chunk *chunk)
{
	if (!refcount_dec_and_test(&chunk->refs))
		return;
	let_go(chunk, READ_ONCE(chunk->is_disclosed));
}

/* The last step, for quarantine.c: the source has the page again. */
void pinned_chunk_free(struct pinned_chunk *chunk)
{
	kmem_cache_free(chunk_cache, chunk);
}

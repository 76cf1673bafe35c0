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
#include <linux/pagemap.h>
#include <linux/slab.h>

#include "chunk.h"
#include "compat.h"
#include "memtype.h"
#include "page.h"
#include "quarantine.h"
#include "sources.h"

/*
 * Takes memory from the sources. When they have none, the quarantine gives up chunks early, and the
 * sources are asked again, until no chunk rests.
 */
static const struct pinned_source *take_or_drain(const struct pinned_policy *policy,
						 struct page **pages, unsigned long count)
{
	const struct pinned_source *source = pinned_sources_take(policy, pages, count);
	unsigned long more = count;

	/* More each time: as many free blocks as wanted may be too few for the watermarks. */
	while (!source && pinned_quarantine_drain(more)) {
		source = pinned_sources_take(policy, pages, count);
		more *= 2;
	}
	return source;
}

/* Give each chunk its page. Those that cannot get their memory type stay without. */
static int take_memory(struct pinned_chunk **chunks, unsigned long count,
		       const struct pinned_policy *policy)
{
	struct page *one, **pages = &one;
	const struct pinned_source *source;
	unsigned long i;
	int err = -ENOMEM;

	if (count > 1)
		pages = kvmalloc_array(count, sizeof(*pages), PINNED_GFP);
	if (!pages)
		return -ENOMEM;
	source = take_or_drain(policy, pages, count);
	if (source)
		err = 0;
	for (i = 0; i < count && source; i++) {
		chunks[i]->page = pages[i];
		chunks[i]->source = source;
		/*
		 * The allocator leaves the last owner's index. The core compares it
		 * with the file's size, and maps single pages where it seems to be
		 * beyond.
		 */
		pinned_set_page_index(pages[i], 0);
		chunks[i]->memory_type = policy->memory_type;
		if (!pinned_memtype_set(pages[i], &chunks[i]->memory_type))
			err = -ENOMEM;
	}
	if (count > 1)
		kvfree(pages);
	return err;
}

/**
 * pinned_chunks_create() - new, zeroed chunks
 * @chunks: gets them, with one reference each
 * @count: how many; if several, they are one contiguous run
 * @policy: sources, node, ceiling, memory type
 * @user: whom to charge
 *
 * Return: 0; -EDQUOT over a limit; -ENOMEM.
 */
int pinned_chunks_create(struct pinned_chunk **chunks, unsigned long count,
			 const struct pinned_policy *policy, struct pinned_user *user)
{
	unsigned long i;
	int err;

	for (i = 0; i < count; i++) {
		chunks[i] = pinned_record_create(user);
		err = PTR_ERR_OR_ZERO(chunks[i]);
		if (err)
			goto err_put;
	}
	err = take_memory(chunks, count, policy);
	if (!err)
		return 0;

err_put:
	while (i--) {
		if (chunks[i]->page)
			pinned_chunk_put(chunks[i]);
		else
			pinned_record_free(chunks[i]);
	}
	return err;
}

struct pinned_chunk *pinned_chunk_get(struct pinned_chunk *chunk)
{
	refcount_inc(&chunk->refs);
	return chunk;
}

/*
 * Faults hold the lock of the page that they map, from before they make sure of
 * what they found until it is mapped (see map.c). So whoever changes what there
 * is to be found, and then calls this, has no fault behind him that has not seen
 * the change.
 */
void pinned_chunk_wait_for_faults(struct pinned_chunk *chunk)
{
	unsigned long i, count = PageCompound(chunk->page) ? 1 : PINNED_CHUNK_PAGES;

	for (i = 0; i < count; i++) {
		lock_page(chunk->page + i);
		unlock_page(chunk->page + i);
	}
}

/* Nothing of the driver's has it, hence no mapping either. */
static void let_go(struct pinned_chunk *chunk, bool must_rest)
{
	pinned_record_uncharge(chunk);
	pinned_memtype_reset(chunk->page, &chunk->memory_type);
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

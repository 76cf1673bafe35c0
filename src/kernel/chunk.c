// SPDX-License-Identifier: GPL-2.0-only
/*
 * New chunks, and who holds them.
 *
 * Lifetime. Two counts keep a chunk. Its own, @refs, is for what the driver has given it to: a slot
 * in a view's table (the one of birth), a dma-buf, a range lent to another driver. While one of
 * them is left the driver holds one reference to the page. The page's count is for everybody else:
 * page-table entries, pins of get_user_pages, a page fault under way. When @refs ends, the chunk
 * goes to the quarantine, which gives it back to its source when nobody else has a reference and,
 * after its owner's death, when it has rested. It is charged until then.
 */
#include <linux/err.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "chunk.h"
#include "compat.h"
#include "memtype.h"
#include "page.h"
#include "quarantine.h"
#include "quota.h"
#include "source.h"
#include "sources.h"

/* How long a request waits for chunks that rest, when these alone stand in its way at a limit. */
#define LONGEST_WAIT (2 * HZ)

/*
 * Memory may have failed since a source got it. Keeps what has failed, and gives the rest of the
 * run back. Return: all of it is sound.
 */
static bool is_sound(const struct pinned_source *source, struct page **pages, unsigned long count)
{
	unsigned long i;

	for (i = 0; i < count && !pinned_page_is_poisoned(pages[i]);)
		i++;
	if (i == count)
		return true;
	for (i = 0; i < count; i++) {
		if (pinned_page_is_poisoned(pages[i]))
			pinned_record_retire(pages[i]);
		else
			source->give(pages[i]);
	}
	return false;
}

/* Takes memory from the sources until they give some that is sound. */
static const struct pinned_source *take_sound(const struct pinned_policy *policy,
					      struct page **pages, unsigned long count,
					      u32 *lacking)
{
	const struct pinned_source *source;

	do
		source = pinned_sources_take(policy, pages, count, lacking);
	while (source && !is_sound(source, pages, count));
	return source;
}

/*
 * Takes memory from the sources. When they have none, the quarantine gives up chunks that can serve
 * the request, and the sources are asked again, until no such chunk rests.
 */
static const struct pinned_source *take_or_drain(const struct pinned_policy *policy,
						 struct page **pages, unsigned long count)
{
	struct pinned_policy drained = *policy;
	const struct pinned_source *source;
	struct pinned_request_mark mark;
	unsigned long more = count;

	/* More each time: as many free blocks as wanted may be too few for the watermarks. */
	for (;; more *= 2) {
		pinned_quarantine_begin_request(&mark);
		source = take_sound(policy, pages, count, &drained.sources);
		pinned_quarantine_end_request(&mark);
		if (source || fatal_signal_pending(current) ||
		    !pinned_quarantine_drain(&drained, count, more))
			return source;
	}
}

/* Return: 0; -EDQUOT if the page lies below 4 GiB, where the limit is reached. */
static int charge_place(struct pinned_chunk *chunk)
{
	if (page_to_phys(chunk->page) >= SZ_4G)
		return 0;
	chunk->is_low = pinned_quota_charge_low();
	return chunk->is_low ? 0 : -EDQUOT;
}

/* Gives a chunk its page and its type. After an error, the chunk has the page all the same. */
static int give_page(struct pinned_chunk *chunk, struct page *page,
		     const struct pinned_source *source, u32 memory_type)
{
	chunk->page = page;
	chunk->source = source;
	/*
	 * The allocator leaves the last owner's index. The core compares it with the file's size,
	 * and maps single pages where it seems to be beyond.
	 */
	pinned_set_page_index(page, 0);
	chunk->memory_type = memory_type;
	if (!pinned_memtype_set(page, &chunk->memory_type))
		return -ENOMEM;
	return charge_place(chunk);
}

/* Gives all chunks their pages, which are one contiguous run; after an error, some may have one. */
static int take_run(struct pinned_chunk **chunks, unsigned long count,
		    const struct pinned_policy *policy)
{
	struct page *one, **pages = &one;
	const struct pinned_source *source;
	unsigned long i;
	int err = 0;

	if (policy->max_phys < SZ_4G && !pinned_quota_has_low())
		return -EDQUOT;
	if (count > 1)
		pages = kvmalloc_array(count, sizeof(*pages), PINNED_GFP);
	if (!pages)
		return -ENOMEM;
	source = take_or_drain(policy, pages, count);
	for (i = 0; i < count && source; i++)
		err = give_page(chunks[i], pages[i], source, policy->memory_type) ?: err;
	if (count > 1)
		kvfree(pages);
	return source ? err : -ENOMEM;
}

static int take_memory(struct pinned_chunk **chunks, unsigned long count,
		       const struct pinned_policy *policy)
{
	unsigned long i;
	int err = 0;

	if (policy->is_contiguous)
		return take_run(chunks, count, policy);
	for (i = 0; i < count && !err; i++) {
		err = fatal_signal_pending(current) ? -EINTR : take_run(&chunks[i], 1, policy);
		cond_resched();
	}
	return err;
}

/*
 * Charges chunks. At a limit, the quarantine first looks whether anything has become free. If only
 * chunks that rest stand in the way, the caller waits for their end, up to LONGEST_WAIT.
 */
static int charge(struct pinned_account *account, unsigned long count)
{
	unsigned long deadline = jiffies + LONGEST_WAIT, freed;
	bool does_rest_help;
	int err;

	for (;;) {
		freed = pinned_quarantine_freed();
		err = pinned_quota_charge(account, count, &does_rest_help);
		if (!err)
			return 0;
		pinned_quarantine_look();
		if (freed != pinned_quarantine_freed() && time_before(jiffies, deadline))
			continue;
		if (!does_rest_help || !pinned_quarantine_wait(freed, deadline))
			return fatal_signal_pending(current) ? -EINTR : err;
	}
}

static void put_or_free(struct pinned_chunk *chunk)
{
	if (chunk->page)
		pinned_chunk_put(chunk);
	else
		pinned_record_free(chunk);
}

/**
 * pinned_chunks_create() - new, zeroed chunks, all or none
 * @chunks: gets them, with one reference each
 * @count: how many
 * @policy: sources, node, ceiling, memory type, whether they shall be one contiguous run
 * @account: whom to charge
 *
 * Return: 0; -EDQUOT over a limit; -ENOMEM, also over RLIMIT_MEMLOCK; -EINTR on a fatal signal.
 */
int pinned_chunks_create(struct pinned_chunk **chunks, unsigned long count,
			 const struct pinned_policy *policy, struct pinned_account *account)
{
	unsigned long i;
	int err = charge(account, count);

	if (err)
		return err;
	for (i = 0; i < count; i++) {
		chunks[i] = pinned_record_create(account);
		if (chunks[i])
			continue;
		pinned_quota_uncharge(account, count - i);
		err = -ENOMEM;
		goto err_put;
	}
	err = take_memory(chunks, count, policy);
	if (!err)
		return 0;

err_put:
	while (i--)
		put_or_free(chunks[i]);
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

/* Puts a reference. Whoever held it is done with the memory, and so are its devices. */
void pinned_chunk_put(struct pinned_chunk *chunk)
{
	if (refcount_dec_and_test(&chunk->refs))
		pinned_quarantine_return(chunk);
}

/*
 * Puts a reference because its holder died. A device that was told the address may still write
 * there, so nobody else gets the memory for a while, whoever puts the last reference, and when.
 */
void pinned_chunk_abandon(struct pinned_chunk *chunk)
{
	if (READ_ONCE(chunk->is_disclosed))
		WRITE_ONCE(chunk->must_rest, true);
	pinned_chunk_put(chunk);
}

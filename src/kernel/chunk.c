// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creates chunks, and counts the references to them.
 *
 * Lifetime: two reference counts keep a chunk alive. @refs counts the holders within the driver:
 * the slot of a view's table (it has the first reference), dma-bufs, and ranges lent to other
 * drivers. While @refs is not 0, the driver holds one reference to the page. The page's own
 * reference count covers everybody else: page-table entries, pins by get_user_pages, and page
 * faults in progress. When @refs drops to 0, the chunk enters the quarantine. The quarantine
 * returns the chunk to its source when nobody else has a reference, and after the chunk has rested
 * if it must (pinned_chunk_abandon()). Until then the chunk stays charged.
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

/* A request at a limit waits this long for resting chunks, if only these stand in its way. */
#define LONGEST_WAIT (2 * HZ)

/*
 * Checks pages that a source gave, since memory may have failed after the source got it. If any
 * chunk contains failed memory, retires the failed chunks and gives the others back. Returns true
 * if all of them are sound.
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

/* Takes memory from the sources until they give memory that has not failed. */
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
 * Takes memory from the sources. When they have none, makes the quarantine end the rest of chunks
 * that can serve the request, and asks the sources again, until no such chunk rests any more.
 */
static const struct pinned_source *take_or_drain(const struct pinned_policy *policy,
						 struct page **pages, unsigned long count)
{
	struct pinned_policy drained = *policy;
	const struct pinned_source *source;
	struct pinned_request_mark mark;
	unsigned long more = count;

	/* Drain more each time: as many free blocks as requested may not satisfy the watermarks. */
	for (;; more *= 2) {
		pinned_quarantine_begin_request(&mark);
		source = take_sound(policy, pages, count, &drained.sources);
		pinned_quarantine_end_request(&mark);
		if (source || fatal_signal_pending(current) ||
		    !pinned_quarantine_drain(&drained, count, more))
			return source;
	}
}

/*
 * Charges a chunk whose page lies below 4 GiB to the limit for such chunks. Returns 0; -EDQUOT at
 * that limit.
 */
static int charge_place(struct pinned_chunk *chunk)
{
	if (page_to_phys(chunk->page) >= SZ_4G)
		return 0;
	chunk->is_low = pinned_quota_charge_low();
	return chunk->is_low ? 0 : -EDQUOT;
}

/*
 * Assigns a page and a memory type to a chunk, whose record this may replace. The chunk owns the
 * page even after an error.
 */
static int give_page(struct pinned_chunk **record, struct page *page,
		     const struct pinned_source *source, u32 memory_type)
{
	struct pinned_chunk *chunk = *record;

	chunk->page = page;
	chunk->source = source;
	chunk = pinned_record_follow_memory(chunk);
	*record = chunk;
	/*
	 * The allocator leaves the index that the page's last owner set. The core compares the
	 * index with the file's size, and maps single pages if the index seems to lie beyond the
	 * end.
	 */
	pinned_set_page_index(page, 0);
	chunk->memory_type = memory_type;
	if (!pinned_memtype_set(page, &chunk->memory_type))
		return -ENOMEM;
	return charge_place(chunk);
}

/*
 * Assigns pages that form one contiguous run to all chunks. After an error, some of the chunks may
 * have a page.
 */
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
		err = give_page(&chunks[i], pages[i], source, policy->memory_type) ?: err;
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
 * Charges chunks. At a limit, first lets the quarantine free chunks that are not busy any more. If
 * only resting chunks stand in the way, waits up to LONGEST_WAIT for the end of their rest.
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
		pinned_quarantine_check_busy();
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
 * pinned_chunks_create() - creates zeroed chunks, all or none
 * @chunks: receives the chunks, with one reference each
 * @count: number of chunks
 * @policy: sources, node, ceiling, memory type, and whether the chunks shall be one contiguous run
 * @account: account to charge
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
 * Waits for page faults that are mapping the chunk.
 *
 * A fault locks the page that it is going to map, then checks that the page may be mapped, and
 * unlocks the page after mapping it (see map.c). So if the caller first changes what that check
 * reads, every fault that is still running when this function returns has seen the change.
 */
void pinned_chunk_wait_for_faults(struct pinned_chunk *chunk)
{
	unsigned long i, count = PageCompound(chunk->page) ? 1 : PINNED_CHUNK_PAGES;

	for (i = 0; i < count; i++) {
		lock_page(chunk->page + i);
		unlock_page(chunk->page + i);
	}
}

/* Puts a reference whose holder, and the holder's devices, do not use the memory any more. */
void pinned_chunk_put(struct pinned_chunk *chunk)
{
	if (refcount_dec_and_test(&chunk->refs))
		pinned_quarantine_return(chunk);
}

/*
 * Puts the reference of a slot whose owner died, or closed the pool without PUNCH. A device that
 * knows the physical address may still write to the memory. So if the address was disclosed, the
 * chunk must rest before anybody else gets it, no matter who puts the last reference, and when.
 */
void pinned_chunk_abandon(struct pinned_chunk *chunk)
{
	if (READ_ONCE(chunk->is_disclosed))
		WRITE_ONCE(chunk->must_rest, true);
	pinned_chunk_put(chunk);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The order in which sources are asked, and the way back to the one that gave. */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/page_ref.h>

#include "chunk.h"
#include "memtype.h"
#include "quarantine.h"
#include "source.h"

static const struct pinned_source *const sources[] = {
	&pinned_source_reserve,
	&pinned_source_buddy,
};

bool pinned_page_fits(struct page *page, const struct pinned_policy *policy)
{
	if (policy->node != NUMA_NO_NODE && page_to_nid(page) != policy->node)
		return false;
	return (u64)page_to_phys(page) + PINNED_MEM_CHUNK_SIZE - 1 <= policy->max_phys;
}

static bool take_from_any(struct pinned_chunk *chunk, const struct pinned_policy *policy)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		if (!(policy->sources & sources[i]->id))
			continue;
		chunk->page = sources[i]->take(policy);
		if (chunk->page) {
			chunk->source = sources[i];
			return true;
		}
	}
	return false;
}

/**
 * pinned_source_take() - memory for a new chunk
 * @chunk: its page and source are set
 * @policy: what it must fit
 *
 * When there is none, quarantined chunks are given up early, and the sources
 * asked once more.
 *
 * Return: 0 or -ENOMEM.
 */
int pinned_source_take(struct pinned_chunk *chunk, const struct pinned_policy *policy)
{
	if (take_from_any(chunk, policy))
		return 0;
	if (pinned_quarantine_drain(1) && take_from_any(chunk, policy))
		return 0;
	return -ENOMEM;
}

/* It is write-back, and nobody but the driver has a reference, or the source does not mind. */
bool pinned_source_can_give(struct pinned_chunk *chunk)
{
	if (!pinned_memtype_reset(chunk))
		return false;
	return !chunk->source->needs_last_reference || page_count(chunk->page) == 1;
}

void pinned_source_give(struct pinned_chunk *chunk)
{
	chunk->source->give(chunk->page);
}

// SPDX-License-Identifier: GPL-2.0-only
/* See sources.h. */
#include <linux/kernel.h>

#include "source.h"
#include "sources.h"

static const struct pinned_source *const sources[] = {
	&pinned_source_reserve,
	&pinned_source_buddy,
	&pinned_source_cma,
	&pinned_source_carveout,
};

/**
 * pinned_sources_take() - takes memory for new chunks from the first source that has it
 * @policy: what the chunks must fit
 * @pages: gets the first page of each chunk
 * @count: chunks; several must be one contiguous run
 *
 * Return: the source that gave the memory, or NULL.
 */
const struct pinned_source *pinned_sources_take(const struct pinned_policy *policy,
						struct page **pages, unsigned long count)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sources); i++)
		if (policy->sources & sources[i]->id && sources[i]->take(policy, pages, count))
			return sources[i];
	return NULL;
}

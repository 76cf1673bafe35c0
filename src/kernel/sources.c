// SPDX-License-Identifier: GPL-2.0-only
/* See sources.h. */
#include <linux/errno.h>
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
 * pinned_sources_take() - takes memory for new chunks from the first source that has some
 * @policy: what the chunks must fit
 * @pages: receives the first page of each chunk
 * @count: number of chunks; several chunks must form one contiguous run
 * @lacking: on failure, set to PINNED_MEM_SOURCE_* of the sources that would serve the request if
 *	they had more memory
 *
 * Return: the source that gave the memory, or NULL.
 */
const struct pinned_source *pinned_sources_take(const struct pinned_policy *policy,
						struct page **pages, unsigned long count,
						u32 *lacking)
{
	int i, err;

	*lacking = 0;
	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		if (!(policy->sources & sources[i]->id))
			continue;
		err = sources[i]->take(policy, pages, count);
		if (!err)
			return sources[i];
		if (err == -ENOMEM)
			*lacking |= sources[i]->id;
	}
	return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* All sources together, asked in a fixed order. */
#ifndef PINNED_MEM_SOURCES_H
#define PINNED_MEM_SOURCES_H

#include <linux/types.h>

struct page;
struct pinned_policy;
struct pinned_source;

const struct pinned_source *pinned_sources_take(const struct pinned_policy *policy,
						struct page **pages, unsigned long count,
						u32 *lacking);

#endif /* PINNED_MEM_SOURCES_H */

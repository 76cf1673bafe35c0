// SPDX-License-Identifier: MIT
/* Draws the marks, and fills and compares gaps; see marks.h. */
#include "object/marks.h"

#include "os/sys.h"

#define GAP_WORDS (PN_CACHE_LINE / sizeof(pn_mark))

struct pn_marks pn_marks;

/*
 * The highest bit of each byte of a mark is set. So a mark is no address, and a write of a single
 * zero, the most frequent overflow, always changes the mark.
 */
#define HIGH_BITS 0x8080808080808080u

void pn_marks_init(void)
{
	pn_marks.free = pn_sys_random() | HIGH_BITS;
	pn_marks.gap = pn_sys_random() | HIGH_BITS;
}

static void fill_gap(void *at)
{
	pn_mark *gap = at;

	for (size_t i = 0; i < GAP_WORDS; i++)
		gap[i] = pn_marks.gap;
}

void pn_marks_fill_gaps(size_t first, size_t size, size_t count)
{
	fill_gap(pn_arena_at(first - PN_CACHE_LINE));
	for (size_t i = 0; i < count; i++)
		fill_gap(pn_arena_at(first + i * (size + PN_CACHE_LINE) + size));
}

bool pn_marks_is_gap_intact(const void *at)
{
	const pn_mark *gap = at;
	pn_mark changes = 0;

	for (size_t i = 0; i < GAP_WORDS; i++)
		changes |= gap[i] ^ pn_marks.gap;
	return !changes;
}

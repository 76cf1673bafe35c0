// SPDX-License-Identifier: MIT
/* Compares marks when objects change hands; see written.h. */
#include "object/written.h"

#include "os/die.h"

/*
 * Returns true if the object is not inherited. If a signal handler forks while the thread is in a
 * slow path, that path goes on in the child with inherited objects, and the child may have given
 * their memory back to the system: their marks mean nothing.
 */
static bool is_own(const void *object)
{
	const struct pn_slab *slab = pn_slab_at(pn_arena_offset(object));

	return slab && slab->epoch == pn_arena.epoch;
}

void pn_mark_check(const void *object)
{
	if (pn_unlikely(!pn_mark_is_intact(object)) && is_own(object))
		pn_die_written(object);
}

static void check_gap_before(const char *object)
{
	if (pn_unlikely(!pn_marks_is_gap_intact(object - PN_CACHE_LINE)) && is_own(object))
		pn_die_overflow(object);
}

void pn_marks_check_gaps(const struct pn_slab *slab, const void *object)
{
	const char *begin = object;

	check_gap_before(begin);
	if (pn_unlikely(!pn_marks_is_gap_intact(begin + slab->size)) && is_own(begin))
		pn_die_overflow(begin);
	if (pn_arena_offset(begin) != slab->offset)
		check_gap_before(begin - slab->pitch);
}

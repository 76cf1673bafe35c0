// SPDX-License-Identifier: MIT
/* The list of slots whose memory threads are obtaining or giving back; see work.h. */
#include "arena/work.h"

/* Contains one element for each thread that works on slots; is empty most of the time. */
static struct pn_work *works;

void pn_work_begin_locked(struct pn_work *work)
{
	pn_arena_assert_held();
	work->next = works;
	/* A forked child may walk the list at any moment. */
	pn_child_order_writes();
	works = work;
}

void pn_work_end_locked(struct pn_work *work)
{
	struct pn_work **link = &works;

	pn_arena_assert_held();
	while (*link != work)
		link = &(*link)->next;
	*link = work->next;
}

const struct pn_work *pn_work_at(size_t slot)
{
	const struct pn_work *work = works;

	pn_arena_assert_held();
	while (work && slot - work->first >= work->count)
		work = work->next;
	return work;
}

void pn_work_in_child(void)
{
	works = NULL;
}

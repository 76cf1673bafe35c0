/* SPDX-License-Identifier: MIT */
/*
 * Lists of slots, linked by slot numbers inside the arena's table of slots, under
 * the arena's lock. A link is a slot + 1, and 0 means none.
 */
#ifndef PN_SLOTLIST_H
#define PN_SLOTLIST_H

#include "arena/arena.h"

struct pn_slot_list {
	uint32_t first;
	uint32_t last;
};

/* Returns true if the neighbours of slot @index in the list, or the list's ends, link to it. */
static inline bool pn_slot_list_has(const struct pn_slot_list *list, size_t index)
{
	const struct pn_slot *slot = &pn_arena.slots[index];

	return (slot->prev ? pn_arena.slots[slot->prev - 1].next : list->first) == index + 1 &&
	       (slot->next ? pn_arena.slots[slot->next - 1].prev : list->last) == index + 1;
}

static inline void pn_slot_list_push(struct pn_slot_list *list, size_t index)
{
	struct pn_slot *slot = &pn_arena.slots[index];

	pn_assert(!list->first == !list->last && list->first != index + 1);
	pn_assert(!list->first || !pn_arena.slots[list->first - 1].prev);
	slot->prev = 0;
	slot->next = list->first;
	if (list->first)
		pn_arena.slots[list->first - 1].prev = (uint32_t)index + 1;
	else
		list->last = (uint32_t)index + 1;
	list->first = (uint32_t)index + 1;
}

static inline void pn_slot_list_remove(struct pn_slot_list *list, size_t index)
{
	struct pn_slot *slot = &pn_arena.slots[index];

	pn_assert(pn_slot_list_has(list, index));
	if (slot->prev)
		pn_arena.slots[slot->prev - 1].next = slot->next;
	else
		list->first = slot->next;
	if (slot->next)
		pn_arena.slots[slot->next - 1].prev = slot->prev;
	else
		list->last = slot->prev;
}

#endif /* PN_SLOTLIST_H */

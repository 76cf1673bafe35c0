// SPDX-License-Identifier: MIT
/*
 * Computes from fixed points, without a system call, where in an address space the window lies.
 *
 * An address space has few fixed points: the program, the end of its heap, the place where the
 * kernel maps next, the stack. In the middle of the largest gap between two of them, nothing else
 * grows soon: the heap grows up from the gap's lower end; mappings grow down from its upper end or,
 * with an unlimited stack, up from its lower end. The window lies in the middle of the gap, and
 * takes at most half of the gap. The kernel randomises the fixed points, and thereby the window's
 * address.
 */
#include "arena/window.h"

#include "arena/tables.h"

/*
 * Bytes before and after the arena that stay unmapped, so that no overrun or underrun reaches a
 * table.
 */
#define GUARD ((size_t)1 << 20)

struct pn_window pn_window_at(uintptr_t address, size_t size)
{
	uintptr_t begin = pn_round_up(address, PN_ARENA_ALIGNMENT);

	return (struct pn_window){
		.tables = begin + GUARD,
		.arena = pn_round_up(begin + pn_tables_room(size) + 2 * GUARD, PN_ARENA_ALIGNMENT),
		.size = size,
	};
}

size_t pn_window_span(size_t size)
{
	return size + pn_tables_room(size) + 3 * GUARD + 2 * PN_ARENA_ALIGNMENT;
}

static void sort(uintptr_t *marks, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t j = i; j && marks[j - 1] > marks[j]; j--) {
			uintptr_t lower = marks[j];

			marks[j] = marks[j - 1];
			marks[j - 1] = lower;
		}
}

/* Finds the largest gap between the sorted fixed points. Returns the lower end of the gap. */
static uintptr_t find_gap(const uintptr_t *marks, size_t count, size_t *size)
{
	uintptr_t low = 0;

	*size = 0;
	for (size_t i = 1; i < count; i++)
		if (marks[i - 1] && marks[i] - marks[i - 1] > *size) {
			low = marks[i - 1];
			*size = marks[i] - low;
		}
	return low;
}

bool pn_window_in_largest_gap(struct pn_window *window, uintptr_t *marks, size_t count)
{
	size_t gap, size = PN_WINDOW_MOST;
	uintptr_t low;

	sort(marks, count);
	low = find_gap(marks, count, &gap);
	while (size >= PN_WINDOW_LEAST && pn_window_span(size) > gap / 2)
		size /= 2;
	if (size < PN_WINDOW_LEAST)
		return false;
	*window = pn_window_at(low + gap / 2 - pn_window_span(size) / 2, size);
	return true;
}

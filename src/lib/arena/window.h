/* SPDX-License-Identifier: MIT */
/*
 * The window: the addresses that the arena and its tables may use.
 *
 * The window is chosen, but not mapped. An address in the window belongs to the library only after
 * the library has mapped something there; what somebody else maps there before stays untouched.
 */
#ifndef PN_WINDOW_H
#define PN_WINDOW_H

#include "os/base.h"

/* The arena begins at a multiple of this, which is therefore the largest alignment of an object. */
#define PN_ARENA_ALIGNMENT ((size_t)1 << (sizeof(size_t) > 4 ? 30 : 26))

/*
 * The largest and the smallest size of a window. With 32-bit addresses, the largest one is a third
 * or a fourth of a program's address space.
 */
#define PN_WINDOW_MOST ((size_t)1 << (sizeof(size_t) > 4 ? 40 : 30))
#define PN_WINDOW_LEAST ((size_t)64 << 20)

/**
 * struct pn_window - the addresses that were chosen
 * @tables: where the tables begin
 * @arena: where the arena begins, after the room for the tables
 * @size: bytes of the arena, a power of two
 */
struct pn_window {
	uintptr_t tables;
	uintptr_t arena;
	size_t size;
};

/*
 * Chooses a window in which nothing is mapped in the first @first bytes of the arena. Returns false
 * if there are no such addresses.
 */
bool pn_window_choose(struct pn_window *window, size_t first);

/*
 * Places a window in the middle of the largest gap between fixed points of an address space. A
 * fixed point of 0 counts as none. Sorts @marks. Returns false if the gap is too small.
 */
bool pn_window_in_largest_gap(struct pn_window *window, uintptr_t *marks, size_t count);

/* Returns the size of a window: its arena, its tables, and what guards and alignment take. */
size_t pn_window_span(size_t size);
/* Returns the window whose span begins at @address. */
struct pn_window pn_window_at(uintptr_t address, size_t size);

#endif /* PN_WINDOW_H */

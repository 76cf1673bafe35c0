/* SPDX-License-Identifier: MIT */
/*
 * The window: the range of addresses that the arena and its tables may use.
 *
 * The window is chosen, not mapped. Nothing in it belongs to the library before the library has
 * mapped it, and whatever somebody else maps there meanwhile stays theirs.
 */
#ifndef PN_WINDOW_H
#define PN_WINDOW_H

#include "os/base.h"

/* The arena begins at a multiple of this, which is therefore the largest alignment of an object. */
#define PN_ARENA_ALIGNMENT ((size_t)1 << (sizeof(size_t) > 4 ? 30 : 26))

/* With addresses of 32 bits: a third or a fourth of what a program has. */
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
 * Chooses a window in which the first @first bytes of the arena are free. Returns false if there
 * are no such addresses.
 */
bool pn_window_choose(struct pn_window *window, size_t first);

/*
 * Places a window in the middle of the largest gap between fixed points of an address space, which
 * this sorts; 0 stands for none. Returns false if the gap is too small.
 */
bool pn_window_between(struct pn_window *window, uintptr_t *marks, size_t count);

/* Returns all that a window takes: its arena, its tables, and what guards and alignment cost. */
size_t pn_window_span(size_t size);
/* Returns the window whose span begins at @address. */
struct pn_window pn_window_at(uintptr_t address, size_t size);

#endif /* PN_WINDOW_H */

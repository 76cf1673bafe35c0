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
 * Chooses a window whose beginning is free: the first @first_tables bytes of the tables and the
 * first @first bytes of the arena. @tables_for returns the room that the tables of an arena of this
 * size need. Returns false if there are no such addresses.
 */
bool pn_window_choose(struct pn_window *window, size_t (*tables_for)(size_t size), size_t first);

#endif /* PN_WINDOW_H */

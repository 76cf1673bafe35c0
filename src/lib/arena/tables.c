// SPDX-License-Identifier: MIT
/*
 * The memory of the arena's tables; see tables.h. Each piece of the table of physical addresses is
 * mapped such that the kernel wipes it in a forked child.
 */
#include "arena/tables.h"

#include <errno.h>

#include "arena/arena.h"
#include "os/sys.h"

/* Pieces are multiples of this size, which is a multiple of any architecture's page size. */
#define PIECE ((size_t)64 << 10)

struct pn_arena pn_arena __attribute__((aligned(PN_CACHE_LINE)));

enum table { PHYS, SLOTS, SLABS, TABLES };

/* The bytes that one slot needs in each table. */
static const size_t entry_sizes[TABLES] = {
	[PHYS] = sizeof(*pn_arena.phys),
	[SLOTS] = sizeof(*pn_arena.slots),
	[SLABS] = PN_CHUNK_PAGES * sizeof(*pn_arena.slabs),
};

static size_t table_end(enum table table, size_t slots)
{
	return pn_round_up(slots * entry_sizes[table], PIECE);
}

size_t pn_tables_room(size_t size)
{
	size_t room = 0;

	for (enum table table = PHYS; table < TABLES; table++)
		room += table_end(table, size / PN_CHUNK_SIZE);
	return room;
}

void pn_tables_place(uintptr_t address, size_t size)
{
	size_t slots = size / PN_CHUNK_SIZE;

	pn_arena.phys = (void *)address;
	address += table_end(PHYS, slots);
	pn_arena.slots = (void *)address;
	address += table_end(SLOTS, slots);
	pn_arena.slabs = (void *)address;
}

static char *table_at(enum table table)
{
	switch (table) {
	case PHYS:
		return (char *)pn_arena.phys;
	case SLOTS:
		return (char *)pn_arena.slots;
	default:
		return (char *)pn_arena.slabs;
	}
}

static void unmap_piece(enum table table, size_t from, size_t to)
{
	size_t begin = table_end(table, from), end = table_end(table, to);

	if (begin < end)
		pn_sys_unmap(table_at(table) + begin, end - begin);
}

static int map_piece(enum table table, size_t from, size_t to)
{
	size_t begin = table_end(table, from), size = table_end(table, to) - begin;
	char *piece = table_at(table) + begin;
	int err = size ? pn_sys_table_at(piece, size) : 0;

	if (!err && size && table == PHYS && !pn_sys_wipe_on_fork(piece, size)) {
		pn_sys_unmap(piece, size);
		err = ENOMEM;
	}
	return err;
}

int pn_tables_map(size_t from, size_t to)
{
	for (enum table table = PHYS; table < TABLES; table++) {
		int err = map_piece(table, from, to);

		if (!err)
			continue;
		while (table-- > PHYS)
			unmap_piece(table, from, to);
		return err;
	}
	return 0;
}

void pn_tables_unmap(size_t from, size_t to)
{
	for (enum table table = PHYS; table < TABLES; table++)
		unmap_piece(table, from, to);
}

/* SPDX-License-Identifier: MIT */
/*
 * The memory of the arena's tables. Each table has an address from the start, and grows in pieces
 * with the slots that are claimed.
 */
#ifndef PN_TABLES_H
#define PN_TABLES_H

#include "os/base.h"

/* Returns the bytes of addresses that the tables of an arena of @size bytes need. */
size_t pn_tables_room(size_t size);

/* Sets pn_arena's tables to addresses from @address on, for an arena of @size bytes. */
void pn_tables_place(uintptr_t address, size_t size);

/*
 * Maps the entries of the slots from @from up to @to, zeroed; those before @from are mapped
 * already. Returns 0, or an errno, and then nothing has changed.
 */
int pn_tables_map(size_t from, size_t to);
/* Unmaps what pn_tables_map() maps, or has mapped a part of. */
void pn_tables_unmap(size_t from, size_t to);

#endif /* PN_TABLES_H */

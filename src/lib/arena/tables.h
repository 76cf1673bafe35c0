/* SPDX-License-Identifier: MIT */
/*
 * The memory of the arena's tables. The address of each table is fixed at the start. A table grows
 * by one piece whenever slots are claimed.
 */
#ifndef PN_TABLES_H
#define PN_TABLES_H

#include "os/base.h"

/* Returns how many bytes of address space the tables of an arena of @size bytes need. */
size_t pn_tables_room(size_t size);

/* Sets pn_arena's tables to addresses from @address on, for an arena of @size bytes. */
void pn_tables_place(uintptr_t address, size_t size);

/*
 * Maps the entries, which are zeros, of the slots from @from up to @to. The entries of the slots
 * before @from must be mapped already. Returns 0, or an errno with nothing changed.
 */
int pn_tables_map(size_t from, size_t to);
/* Unmaps entries of which pn_tables_map() has mapped all or, interrupted by a fork, only some. */
void pn_tables_unmap(size_t from, size_t to);

#endif /* PN_TABLES_H */

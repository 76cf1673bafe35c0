/* SPDX-License-Identifier: MIT */
/*
 * Describes the library's state for another process, pinnedctl(1), which reads it from this
 * process's memory as a debugger does. No code runs in the process that is watched.
 *
 * Each entry names a variable, or a member of a structure, with its place and size, so that the
 * reader need not know the layout beforehand. The linker collects the entries in one table, and a
 * note in the ELF file points to the table (layout.c).
 */
#ifndef PN_WATCH_H
#define PN_WATCH_H

#include "os/base.h"

#define PN_WATCH_NAME (64 - 2 * sizeof(uintptr_t))

/**
 * struct pn_watch - one thing that can be watched
 * @name: variable, struct.member, or a constant's name
 * @value: a variable's address, a member's offset, a constant
 * @size: bytes of the variable or member; 0 for a constant
 *
 * The alignment keeps compilers from putting gaps between entries.
 */
struct pn_watch {
	char name[PN_WATCH_NAME];
	uintptr_t value;
	size_t size;
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct pn_watch) == 64, "entries follow each other in the table");

#define PN_WATCH_ENTRY(id, text, what, bytes)                                               \
	static struct pn_watch pn_watch_##id __attribute__((section("pn_watch"), used)) = { \
		.name = text, .value = (uintptr_t)(what), .size = (bytes)                   \
	}

/* Makes an entry for @variable, a variable of the same source file, with the name @id. */
#define PN_WATCH_VARIABLE(id, variable) PN_WATCH_ENTRY(id, #id, &(variable), sizeof(variable))
#define PN_WATCH_MEMBER(type, member)                                                     \
	PN_WATCH_ENTRY(type##_##member, #type "." #member, offsetof(struct type, member), \
		       sizeof(((struct type *)0)->member))
#define PN_WATCH_CONSTANT(id, constant) PN_WATCH_ENTRY(id, #id, constant, 0)

#endif /* PN_WATCH_H */

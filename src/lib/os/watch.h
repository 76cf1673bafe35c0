/* SPDX-License-Identifier: MIT */
/*
 * What another process may find of this one's state, by reading its memory as a
 * debugger does: pinnedctl(1). Nothing of this runs in the process that is watched.
 *
 * Each entry names a variable or a member of a structure, with its place and size,
 * so that who reads knows no layout beforehand. The linker makes one table of them,
 * and a note in the ELF file leads to it (layout.c).
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

/* @variable of this file, by the name @id. */
#define PN_WATCH_VARIABLE(id, variable) PN_WATCH_ENTRY(id, #id, &(variable), sizeof(variable))
#define PN_WATCH_MEMBER(type, member)                                                     \
	PN_WATCH_ENTRY(type##_##member, #type "." #member, offsetof(struct type, member), \
		       sizeof(((struct type *)0)->member))
#define PN_WATCH_CONSTANT(id, constant) PN_WATCH_ENTRY(id, #id, constant, 0)

#endif /* PN_WATCH_H */

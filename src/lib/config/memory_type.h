/* SPDX-License-Identifier: MIT */
/* The names of memory types, as configuration, statistics and messages spell them. */
#ifndef PN_MEMORY_TYPE_H
#define PN_MEMORY_TYPE_H

#include "pinned.h"

/* In the order of PINNED_MEMORY_*: the name, and the separator after it in a list for messages. */
#define PN_MEMORY_TYPES(X)         \
	X("coherent", ", ")        \
	X("uncached", ", ")        \
	X("write-combine", " or ") \
	X("cached", "")

#define PN_MEMORY_TYPE_IN_TEXT(name, separator) name separator
#define PN_MEMORY_TYPE_WITH_BLANK(name, separator) name " "
#define PN_MEMORY_TYPE_WITH_COMMA(name, separator) name,

/* "coherent, uncached, ..." */
#define PN_MEMORY_TYPES_TEXT PN_MEMORY_TYPES(PN_MEMORY_TYPE_IN_TEXT)

#endif /* PN_MEMORY_TYPE_H */

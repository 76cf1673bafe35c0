// SPDX-License-Identifier: MIT
/*
 * The table of size classes.
 *
 * Slab sizes are a trade: a staggered slab of N sizes holds N - 1 objects, so
 * few objects a slab waste a part of it; many make small programs use many
 * chunks. With these, one slab of each class up to 64 KiB fits into two chunks.
 * A thread may cache 128 small objects, fewer of the larger, about 1 MiB in all.
 */
#include "class.h"

#define LINE PN_CACHE_LINE
#define KIB 1024

/* clang-format off: version 14 takes the macros' arguments for casts. */
#define ENTRY(size_, pitch_, units_, cached_)                                                      \
	{                                                                                          \
		.size = (size_), .pitch = (pitch_),                                                \
		.magic = (((uint64_t)1 << PN_MAGIC_SHIFT) + (pitch_)-1) / (pitch_),                \
		.units = (units_), .count = (units_)*PN_UNIT_SIZE / (pitch_), .cached = (cached_), \
	}
#define PLAIN(size, units, cached) ENTRY(size, size, units, cached)
#define STAGGERED(size, units, cached) ENTRY(size, (size) + LINE, units, cached)
/* clang-format on */

const struct pn_class pn_classes[PN_CLASSES] = {
	PLAIN(16, 1, 128),
	PLAIN(32, 1, 128),
	PLAIN(64, 1, 128),
	PLAIN(128, 1, 128),
	PLAIN(256, 1, 128),
	PLAIN(512, 1, 128),
	PLAIN(1 * KIB, 1, 64),
	STAGGERED(2 * KIB, 1, 32),
	STAGGERED(4 * KIB, 1, 16),
	STAGGERED(8 * KIB, 2, 16),
	STAGGERED(16 * KIB, 4, 8),
	STAGGERED(32 * KIB, 8, 4),
	STAGGERED(64 * KIB, 16, 4),
	PLAIN(128 * KIB, 8, 0),
	PLAIN(256 * KIB, 16, 0),
	PLAIN(512 * KIB, 32, 0),
	PLAIN(1024 * KIB, 32, 0),
	PLAIN(2048 * KIB, 32, 0),
	/* Aligned to their size. */
	PLAIN(2 * KIB, 1, 32),
	PLAIN(4 * KIB, 1, 16),
	PLAIN(8 * KIB, 2, 16),
	PLAIN(16 * KIB, 4, 8),
	PLAIN(32 * KIB, 8, 4),
	PLAIN(64 * KIB, 16, 4),
};

_Static_assert(PN_CLASSES == 24, "the table's length");
_Static_assert(PN_CHUNK_UNITS == 32, "a chunk's units fit one 32-bit word");

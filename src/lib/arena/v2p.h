/* SPDX-License-Identifier: MIT */
/* Translates an address by the arena's flat table: one subtraction, shift, load and addition. */
#ifndef PN_V2P_H
#define PN_V2P_H

#include "arena/arena.h"
#include "pinned.h"

static inline uint64_t pn_v2p(const void *ptr)
{
	size_t offset = pn_arena_offset(ptr);
	uint64_t entry;

	if (pn_unlikely(offset >= pn_arena_size()))
		return PINNED_NO_PHYS;
	entry = __atomic_load_n(&pn_arena.phys[offset >> PN_CHUNK_SHIFT], __ATOMIC_ACQUIRE);
	if (pn_unlikely(!entry))
		return PINNED_NO_PHYS;
	return entry - 1 + (offset & PN_CHUNK_MASK);
}

#endif /* PN_V2P_H */

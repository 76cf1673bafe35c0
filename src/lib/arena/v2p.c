// SPDX-License-Identifier: MIT
/* The public translations. They only read the tables, and are therefore safe in signal handlers. */
#include "arena/v2p.h"

#include <errno.h>

#include "arena/pins.h"

uint64_t pinned_v2p(const void *ptr)
{
	uint64_t phys = pn_v2p(ptr);

	return pn_likely(phys != PINNED_NO_PHYS) ? phys : pn_pins_v2p(ptr);
}

static size_t to_chunk_end(const char *ptr)
{
	return PN_CHUNK_SIZE - (pn_arena_offset(ptr) & PN_CHUNK_MASK);
}

/*
 * Chunks that happen to be neighbours in physical memory are merged into one struct pinned_extent.
 * A range that begins outside of the chunks is looked up among the pins.
 */
long pinned_v2p_sg(const void *ptr, size_t len, struct pinned_extent *extents, size_t count)
{
	struct pinned_extent last = { 0 };
	const char *at = ptr;
	long found = 0;

	while (len) {
		uint64_t phys = pn_v2p(at);
		size_t piece = to_chunk_end(at);

		if (phys == PINNED_NO_PHYS && !found)
			return pn_pins_sg(ptr, len, extents, count);
		if (phys == PINNED_NO_PHYS) {
			errno = EFAULT;
			return -1;
		}
		if (piece > len)
			piece = len;
		if (found && last.phys + last.len == phys) {
			last.len += piece;
		} else {
			last = (struct pinned_extent){ phys, piece };
			found++;
		}
		if ((size_t)found <= count)
			extents[found - 1] = last;
		at += piece;
		len -= piece;
	}
	return found;
}

void *pinned_p2v(uint64_t phys)
{
	uint64_t entry = (phys & ~(uint64_t)PN_CHUNK_MASK) + 1;
	size_t slots = pn_arena_slot_count();

	for (size_t slot = 0; slot < slots; slot++)
		if (__atomic_load_n(&pn_arena.phys[slot], __ATOMIC_ACQUIRE) == entry)
			return pn_arena_at(slot * PN_CHUNK_SIZE + (phys & PN_CHUNK_MASK));
	return NULL;
}

int pinned_owns(const void *ptr)
{
	size_t slot = pn_arena_offset(ptr) >> PN_CHUNK_SHIFT;

	return pn_arena_has(ptr) &&
	       __atomic_load_n(&pn_arena.slots[slot].state, __ATOMIC_RELAXED) != PN_SLOT_HOLE;
}

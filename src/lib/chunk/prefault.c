// SPDX-License-Identifier: MIT
/* Touches new chunks of a real-time heap; see prefault.h. */
#include "chunk/prefault.h"

#include "os/sys.h"

/*
 * Writes zeros to the chunks, which are zeroed and which nobody uses yet. The table of slabs may
 * still contain marks of objects that were freed, so one entry for each chunk, whose entries fill a
 * page or a part of one, is rewritten with what it contains.
 */
void pn_prefault(size_t first, size_t count)
{
	pn_sys_touch(pn_arena_slot_at(first), count << PN_CHUNK_SHIFT);
	for (size_t slot = first; slot < first + count; slot++)
		__atomic_fetch_or((uintptr_t *)&pn_arena.slabs[slot * PN_CHUNK_PAGES], 0,
				  __ATOMIC_RELAXED);
}

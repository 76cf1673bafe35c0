// SPDX-License-Identifier: MIT
/* The raw interface: consecutive whole chunks, which other allocators divide into objects. */
#include <errno.h>
#include <string.h>

#include "chunk/idle.h"
#include "chunk/slots.h"
#include "front/heaps.h"
#include "front/runtime.h"
#include "pinned.h"

#define KNOWN_FLAGS (PINNED_CHUNKS_CONTIGUOUS | PINNED_CHUNKS_ZEROED)

static bool is_sound(size_t count, size_t alignment, unsigned int flags)
{
	return count && alignment >= PN_CHUNK_SIZE && !(alignment & (alignment - 1)) &&
	       !(flags & ~KNOWN_FLAGS);
}

static int take(struct pn_heap *heap, struct pn_slot_run *run)
{
	if (pn_runtime_enter()->error)
		return ENOMEM;
	if (run->is_contiguous && !heap->pool.backend->populate_run)
		return EOPNOTSUPP;
	if (pn_slots_take(heap, run))
		return 0;
	/* Other heaps may keep idle chunks. */
	return pn_heaps_purge() && pn_slots_take(heap, run) ? 0 : ENOMEM;
}

/*
 * Stores the physical extents of the chunks, and their number; 0 if the backend has no physical
 * addresses. Preserves errno.
 */
static void tell_extents(const void *chunks, size_t size, struct pinned_extent *extents,
			 size_t *extent_count)
{
	int saved = errno;
	long found = pinned_v2p_sg(chunks, size, extents, extents ? *extent_count : 0);

	*extent_count = found < 0 ? 0 : (size_t)found;
	errno = saved;
}

void *pinned_chunks_alloc(struct pinned_heap *heap, size_t count, size_t alignment,
			  unsigned int flags, struct pinned_extent *extents, size_t *extent_count)
{
	struct pn_slot_run run = {
		.count = count,
		.alignment = alignment >> PN_CHUNK_SHIFT,
		.is_contiguous = flags & PINNED_CHUNKS_CONTIGUOUS && count > 1,
		.is_raw = true,
	};
	int err = is_sound(count, alignment, flags) ? take(pn_heaps_of(heap), &run) : EINVAL;
	void *chunks;

	if (err) {
		errno = err;
		return NULL;
	}
	chunks = pn_arena_slot_at(run.first);
	if (flags & PINNED_CHUNKS_ZEROED && !run.is_zeroed)
		memset(chunks, 0, count << PN_CHUNK_SHIFT);
	if (extent_count)
		tell_extents(chunks, count << PN_CHUNK_SHIFT, extents, extent_count);
	return chunks;
}

int pinned_chunks_free(void *chunks, size_t count)
{
	size_t offset = pn_arena_offset(chunks), slot = offset >> PN_CHUNK_SHIFT;

	if (!pn_runtime_enter()->error && offset < pn_arena_size() && !(offset & PN_CHUNK_MASK) &&
	    count && count <= pn_arena_slot_count() - slot && pn_slots_give_raw(slot, count)) {
		if (pn_idle_is_due())
			pn_idle_give_due();
		return 0;
	}
	errno = EINVAL;
	return -1;
}

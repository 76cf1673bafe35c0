// SPDX-License-Identifier: MIT
/*
 * madvise() with MADV_DONTNEED on pinned memory: the kernel says yes and the data stays, since the
 * memory is the driver's and is not given back. Programs rely on zeros, as anonymous memory has them
 * afterwards. So the memory is filled with zeros here; it stays allocated and pinned.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "arena/arena.h"
#include "next.h"

#define EXPORT __attribute__((visibility("default")))

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

EXPORT int madvise(void *addr, size_t length, int advice);

/*
 * Fills pages of the arena with zeros, as far as there is memory. Pages that are zeros already are
 * only read, so that with the backend anon the kernel need not give memory for them.
 */
static void zero(size_t offset, size_t end)
{
	static const char zeros[PN_PAGE_SIZE];

	for (; offset < end; offset += PN_PAGE_SIZE) {
		const struct pn_slot *slot = &pn_arena.slots[offset >> PN_CHUNK_SHIFT];
		char *page = pn_arena_at(offset);

		if (__atomic_load_n(&slot->state, __ATOMIC_RELAXED) != PN_SLOT_HOLE &&
		    memcmp(page, zeros, PN_PAGE_SIZE))
			memset(page, 0, PN_PAGE_SIZE);
	}
}

/* Return: the number that lies between 0 and the arena's size, and nearest to @address's offset. */
static size_t offset_of(uintptr_t address)
{
	size_t size = pn_arena_slot_count() << PN_CHUNK_SHIFT;

	if (address < pn_arena.base)
		return 0;
	return address - pn_arena.base < size ? address - pn_arena.base : size;
}

/* As in the C library. Safe in threads and in signal handlers. */
EXPORT int madvise(void *addr, size_t length, int advice)
{
	uintptr_t begin = (uintptr_t)addr, end = begin + length;
	int result;

	pn_next_resolve();
	result = pn_next_madvise(addr, length, advice);
	if (result || (advice != MADV_DONTNEED && advice != MADV_DONTNEED_LOCKED))
		return result;
	/* The kernel has accepted the range, so it begins at a page and ends somewhere. */
	zero(offset_of(begin), offset_of((end + PN_PAGE_SIZE - 1) & ~(PN_PAGE_SIZE - 1)));
	return 0;
}

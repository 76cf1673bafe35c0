// SPDX-License-Identifier: MIT
/*
 * Wraps madvise(), for MADV_DONTNEED on pinned memory. The kernel reports success but keeps the
 * data, because the driver owns the memory and does not release it. Programs expect to read zeros
 * after the call, as they would from anonymous memory. This wrapper therefore fills the memory with
 * zeros; the memory stays allocated and pinned.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "arena/arena.h"
#include "next.h"
#include "os/thread.h"

#define EXPORT __attribute__((visibility("default")))

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

EXPORT int madvise(void *addr, size_t length, int advice);

/*
 * Fills the arena's pages from @offset to @end with zeros, except where no chunk is mapped. Pages
 * that contain only zeros are read and not written, so that with the backend anon the kernel need
 * not commit memory for them.
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

/* Returns the offset of @address in the arena, clamped to the range from 0 to the arena's size. */
static size_t offset_of(uintptr_t address)
{
	size_t size = pn_arena_slot_count() << PN_CHUNK_SHIFT;

	if (address < pn_arena.base)
		return 0;
	return address - pn_arena.base < size ? address - pn_arena.base : size;
}

/* Behaves as the C library's madvise(). Thread-safe and async-signal-safe. */
EXPORT int madvise(void *addr, size_t length, int advice)
{
	uintptr_t begin = (uintptr_t)addr, end = begin + length;
	int result;

	pn_next_resolve();
	result = pn_next_madvise(addr, length, advice);
	if (result || (advice != MADV_DONTNEED && advice != MADV_DONTNEED_LOCKED))
		return result;
	/* The library announces memory that it is about to give back (os/announce.h). */
	if (pn_lock_thread.is_announcing)
		return 0;
	/* The kernel accepted the arguments, so @addr is page-aligned; @length need not be. */
	zero(offset_of(begin), offset_of((end + PN_PAGE_SIZE - 1) & ~(PN_PAGE_SIZE - 1)));
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * The announcement; see announce.h. The Makefile compiles this file with -fplt: libfabric replaces
 * the addresses of functions only in entries of procedure linkage tables.
 */
#include "os/announce.h"

#include <errno.h>
#include <sys/mman.h>

#include "os/assert.h"

void pn_announce(void *addr, size_t size)
{
	int saved = errno;

	pn_assert(pn_announce_is_possible());
	pn_lock_thread.is_announcing = true;
	/* It does not matter whether the kernel accepts the advice: the caller frees the memory. */
	madvise(addr, size, MADV_DONTNEED);
	pn_lock_thread.is_announcing = false;
	errno = saved;
}

/* SPDX-License-Identifier: MIT */
/*
 * Announces memory that is about to lose its pages.
 *
 * Libraries that cache registrations of memory (UCX's libucm, libfabric, Open MPI) intercept the
 * public functions by which a process gives memory back, and forget what they hear of. This library
 * makes its system calls directly (syscall.h), and on the device it gives memory back by an ioctl,
 * so those libraries would not hear of it. Before memory goes, it is therefore announced by a call
 * of the public madvise(MADV_DONTNEED), the only call that this library makes by a public name.
 *
 * The announcement may discard the contents of the range, and does so for ordinary memory.
 *
 * An interceptor of the call may allocate, free, map, unmap and fork. The caller therefore holds no
 * lock, and makes sure that nobody else can use the range. Memory that is freed meanwhile is given
 * back later: while a thread announces memory, it announces nothing else, because the interceptor
 * may hold a lock of its own.
 */
#ifndef PN_ANNOUNCE_H
#define PN_ANNOUNCE_H

#include "os/base.h"
#include "os/thread.h"

/*
 * Returns true if this thread may announce memory: it holds no lock, announces nothing now, and is
 * not in a function of a registrar.
 */
static inline bool pn_announce_is_possible(void)
{
	return !pn_lock_thread.held && !pn_lock_thread.is_announcing;
}

/* Announces memory that is about to lose its pages. Preserves errno. */
void pn_announce(void *addr, size_t size);

#endif /* PN_ANNOUNCE_H */

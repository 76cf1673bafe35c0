/* SPDX-License-Identifier: MIT */
/*
 * Makes the pinned heap external memory of DPDK. The heap's chunks are registered with DPDK as
 * memory segments of 2 MiB, under the addresses that the device uses. With VFIO those are I/O
 * addresses, which libpinned maps and unmaps itself as chunks come and go; else they are physical
 * addresses.
 *
 * A chunk is registered, together with its neighbours, when an object in it is first used. The heap
 * may release a chunk later and get another one at the same place. Each use therefore compares
 * DPDK's address with libpinned's, and registers the chunk again if the two differ. A chunk stays
 * while an object in it is allocated or retained.
 *
 * Only one thread may call these functions, between rte_eal_init() and rte_eal_cleanup(). A forked
 * child may not, because it shares DPDK's own memory, including all mbufs, with its parent. A
 * function that fails leaves a message for why().
 */
#ifndef EXTMEM_H
#define EXTMEM_H

#include <pinned.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Chooses the kind of addresses for the device that DPDK calls @name; with VFIO, attaches DPDK's
 * container. Return: 0; -1 with errno.
 */
int extmem_start(const char *name);
/* Unregisters all chunks, and detaches the container. */
void extmem_stop(void);
/* Returns whether this process was forked from the process that called extmem_start(). */
bool extmem_is_forked(void);

/*
 * Translates @len bytes at @ptr for the device, and registers chunks that are not registered yet.
 * Stores the first @count extents in @extents. Return: the number of extents; -1 with errno, EFAULT
 * if a part of the memory is not pinned.
 */
long extmem_find(const void *ptr, size_t len, struct pinned_extent *extents, size_t count);

#endif /* EXTMEM_H */

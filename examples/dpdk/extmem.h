/* SPDX-License-Identifier: MIT */
/*
 * The pinned heap as DPDK's external memory. DPDK knows its chunks, as memory segments of 2 MiB, under the addresses
 * that the device uses: physical ones, or, where VFIO has the device, those that libpinned maps for it by itself, as
 * chunks come and go.
 *
 * A chunk is registered when something in it is used first, with its neighbours. The heap may have given a chunk back
 * since, and have got another in its place: so each use compares DPDK's address with libpinned's, and registers the
 * chunk anew when they differ. While an object lives, or is retained, its chunk stays.
 *
 * For one thread, between rte_eal_init() and rte_eal_cleanup(). Not for a forked child: DPDK's own memory, mbufs and
 * all, is shared with it. What fails leaves a line for why().
 */
#ifndef EXTMEM_H
#define EXTMEM_H

#include <pinned.h>
#include <stdbool.h>
#include <stddef.h>

/* For the device that DPDK calls @name. Return: 0; -1 with errno. */
int extmem_start(const char *name);
void extmem_stop(void);
/* Is this a child of the process that started it? */
bool extmem_is_forked(void);

/*
 * Registers what is not yet. Return: how many extents the range has in the device's addresses, of which the first @count
 * are written; -1 with errno EFAULT: not all of it is pinned.
 */
long extmem_find(const void *ptr, size_t len, struct pinned_extent *extents, size_t count);

#endif /* EXTMEM_H */

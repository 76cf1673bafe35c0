/* SPDX-License-Identifier: MIT */
/*
 * mbufs whose data is the program's own memory. The object that it lies in is retained until DPDK has freed the last mbuf
 * that shows it, be it after sending or without: the program may free it before. What is not pinned is copied.
 *
 * For one thread. What fails leaves a line for why().
 */
#ifndef MBUFS_H
#define MBUFS_H

#include <rte_mbuf.h>
#include <stdint.h>

/* Bytes of data that a copy has room for. */
#define MBUFS_COPY_MAX RTE_MBUF_DEFAULT_DATAROOM

struct mbufs_figures {
	uint64_t in_place_bytes;
	uint64_t copied_bytes;
};

/* After extmem_start(). Return: 0; -1 with errno. */
int mbufs_start(void);

/*
 * An mbuf of these bytes, or a chain of them where they are in several extents: to send, to chain with others
 * (rte_pktmbuf_chain), or to free. Return: NULL with errno ENOBUFS (none is free now: as in a full ring, send first),
 * EMSGSIZE (too long for an mbuf, or for a copy), ENOMEM, or ENODEV in a forked child.
 */
struct rte_mbuf *mbufs_show(const void *data, size_t len);

void mbufs_figures(struct mbufs_figures *figures);

#endif /* MBUFS_H */

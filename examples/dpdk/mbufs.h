/* SPDX-License-Identifier: MIT */
/*
 * mbufs whose data is the program's own memory. The object that contains the data stays retained
 * until DPDK has freed the last mbuf that refers to it, whether the mbuf was sent or not, so the
 * program may free the object earlier. Data that is not pinned is copied.
 *
 * Only one thread may call these functions. A function that fails leaves a message for why().
 */
#ifndef MBUFS_H
#define MBUFS_H

#include <rte_mbuf.h>
#include <stdint.h>

/* The most bytes that can be copied into an mbuf. */
#define MBUFS_COPY_MAX RTE_MBUF_DEFAULT_DATAROOM

struct mbufs_figures {
	uint64_t in_place_bytes;
	uint64_t copied_bytes;
};

/* Call this after extmem_start(). Return: 0; -1 with errno. */
int mbufs_start(void);

/*
 * Makes an mbuf that refers to @len bytes at @data, or a chain of mbufs if the bytes lie in several
 * extents. The caller sends it, chains it with others (rte_pktmbuf_chain), or frees it.
 *
 * Return: NULL with errno ENOBUFS (no mbuf is free; send some first, as with a full ring), EMSGSIZE
 * (too long for an mbuf, or for a copy), ENOMEM, or ENODEV in a forked child.
 */
struct rte_mbuf *mbufs_show(const void *data, size_t len);

/* Stores how many bytes mbufs_show() has shown in place, and how many it has copied. */
void mbufs_figures(struct mbufs_figures *figures);

#endif /* MBUFS_H */

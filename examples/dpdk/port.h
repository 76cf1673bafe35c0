/* SPDX-License-Identifier: MIT */
/*
 * The first port that DPDK has found, with one queue in each direction. A received frame lies where
 * the card wrote it, in memory that the program allocated by malloc.
 *
 * Only one thread of the process that started the port may use it; in a forked child the functions
 * fail with ENODEV. A function that fails leaves a message for why().
 */
#ifndef PORT_H
#define PORT_H

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

/* The number of entries of a queue. */
#define PORT_RING 256

/*
 * Starts the port, and extmem and mbufs. Call this after rte_eal_init(). The port receives frames
 * only if @is_receiver is true. Return: 0; -1 with errno, after which the caller cleans DPDK up.
 */
int port_start(bool is_receiver);
/* Drops and frees frames that wait to be sent. The caller must have freed all received frames. */
void port_stop(void);

/*
 * Queues frames made by mbufs_show(), each an mbuf or a chain. The port owns the queued frames from
 * then on. Return: the number of queued frames. If that is less than @count, then the next frame
 * failed with errno EAGAIN (no room during @wait_ms), EINVAL (shorter than an Ethernet header),
 * EMSGSIZE (more bytes or pieces than the port accepts) or ENODEV.
 */
unsigned int port_send(struct rte_mbuf **frames, unsigned int count, int wait_ms);

/* Waits until the card has sent all queued frames. Return: 0; -1 with errno ETIMEDOUT or ENODEV. */
int port_flush(int wait_ms);

/*
 * Stores up to @count received frames in @frames; the caller frees each by rte_pktmbuf_free().
 * Return: the number of frames; -1 with errno ENODEV.
 */
int port_receive(struct rte_mbuf **frames, unsigned int count);

#endif /* PORT_H */

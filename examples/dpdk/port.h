/* SPDX-License-Identifier: MIT */
/*
 * The first port that DPDK has found, with a queue each way. One of its frames that is received lies in memory that
 * the program has malloc'ed, where the card wrote it.
 *
 * For one thread of the process that started it; a forked child is refused (ENODEV). What fails leaves a line for why().
 */
#ifndef PORT_H
#define PORT_H

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

/* Entries of a queue. */
#define PORT_RING 256

/*
 * After rte_eal_init(): starts extmem and mbufs too. With @is_receiver, frames are received.
 * Return: 0; -1 with errno, and DPDK is to be cleaned up.
 */
int port_start(bool is_receiver);
/* Frames that wait to be sent are lost, and freed. Received ones must have been freed before. */
void port_stop(void);

/*
 * Queues frames of mbufs_show(), each an mbuf or a chain, which are the port's then. Return: how many are queued: all, or
 * those before the one that failed, with errno EAGAIN (no room for it during @wait_ms), EINVAL (shorter than an Ethernet
 * header), EMSGSIZE (longer than the port takes, or of more pieces) or ENODEV.
 */
unsigned int port_send(struct rte_mbuf **frames, unsigned int count, int wait_ms);

/* Waits until the card has sent all that is queued. Return: 0; -1 with errno ETIMEDOUT or ENODEV. */
int port_flush(int wait_ms);

/* Return: how many frames there are, each to be freed by rte_pktmbuf_free(); -1 with errno ENODEV. */
int port_receive(struct rte_mbuf **frames, unsigned int count);

#endif /* PORT_H */

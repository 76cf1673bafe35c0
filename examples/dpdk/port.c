// SPDX-License-Identifier: MIT
/* Uses only what all ports of DPDK have in common; nothing here is specific to a card. */
#define _GNU_SOURCE
#include "port.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <stdlib.h>

#include "../common/why.h"
#include "extmem.h"
#include "mbufs.h"

#define PORT 0
#define PAUSE_US 50
/*
 * The objects that contain the rooms for received frames. Each is physically contiguous, because it
 * is smaller than a chunk.
 */
#define BLOCKS 2
#define BLOCK_BYTES ((size_t)1 << 20)
#define ROOM RTE_MBUF_DEFAULT_BUF_SIZE

static bool is_started;
static struct rte_eth_dev_info info;
static size_t longest;
/* The number of frames queued so far; the card counts the frames that it has sent. */
static uint64_t queued;
static struct rte_mempool *rooms;
static void *blocks[BLOCKS];

/* Return: 0 if this process has started the port; -1 with errno ENODEV, also in a forked child. */
static int check_owner(void)
{
	if (extmem_is_forked())
		return why_fail(ENODEV, "the port is the parent process's");
	return is_started ? 0 : why_fail(ENODEV, "the port is not started");
}

/* Returns when a wait of @wait_ms ends, in cycles of DPDK's timer. */
static uint64_t end_of_wait(int wait_ms)
{
	return rte_get_timer_cycles() + (uint64_t)wait_ms * rte_get_timer_hz() / 1000;
}

/* Sending. */

static int check_frame(const struct rte_mbuf *frame)
{
	if (frame->pkt_len < RTE_ETHER_HDR_LEN)
		return why_fail(EINVAL, "%u bytes are less than an Ethernet header",
				frame->pkt_len);
	if (frame->pkt_len > longest)
		return why_fail(EMSGSIZE, "%u bytes, more than %zu", frame->pkt_len, longest);
	if (frame->nb_segs > RTE_MIN(info.tx_desc_lim.nb_seg_max, PORT_RING / 2))
		return why_fail(EMSGSIZE, "%u pieces", frame->nb_segs);
	return 0;
}

unsigned int port_send(struct rte_mbuf **frames, unsigned int count, int wait_ms)
{
	uint64_t end = end_of_wait(wait_ms);
	unsigned int fit = 0, sent = 0;
	int error = 0;

	if (check_owner())
		return 0;
	while (fit < count && !error)
		if (check_frame(frames[fit]))
			error = errno;
		else
			fit++;
	while (sent < fit) {
		sent += rte_eth_tx_burst(PORT, 0, frames + sent,
					 (uint16_t)RTE_MIN(fit - sent, (unsigned int)PORT_RING));
		if (sent == fit)
			break;
		if (rte_get_timer_cycles() >= end) {
			error = EAGAIN;
			why_fail(error, "the ring is full");
			break;
		}
		rte_delay_us_sleep(PAUSE_US);
	}
	queued += sent;
	if (error)
		errno = error;
	return sent;
}

int port_flush(int wait_ms)
{
	uint64_t end = end_of_wait(wait_ms);
	struct rte_eth_stats stats;

	if (check_owner())
		return -1;
	while (!rte_eth_stats_get(PORT, &stats) && stats.opackets < queued) {
		if (rte_get_timer_cycles() >= end)
			return why_fail(ETIMEDOUT, "%llu frames are not sent",
					(unsigned long long)(queued - stats.opackets));
		rte_delay_us_sleep(PAUSE_US);
	}
	return 0;
}

/* Receiving. */

int port_receive(struct rte_mbuf **frames, unsigned int count)
{
	int got;

	if (check_owner())
		return -1;
	got = rte_eth_rx_burst(PORT, 0, frames, (uint16_t)count);
	for (int i = 0; i < got; i++)
		pinned_sync_for_cpu(rte_pktmbuf_mtod(frames[i], void *), frames[i]->data_len,
				    PINNED_DEVICE_WRITES);
	return got;
}

/* Creates a pool of mbufs whose data rooms lie in memory that the program allocated by malloc. */
static int make_rooms(void)
{
	struct rte_pktmbuf_extmem memory[BLOCKS];
	struct pinned_extent extent;

	for (int i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(BLOCK_BYTES);
		if (!blocks[i])
			return why_fail(ENOMEM, "no memory for frames");
		if (extmem_find(blocks[i], BLOCK_BYTES, &extent, 1) != 1)
			return why_fail(ENOTSUP,
					"what malloc gives is not pinned: start it by pinned-run");
		memory[i] =
			(struct rte_pktmbuf_extmem){ blocks[i], extent.phys, BLOCK_BYTES, ROOM };
	}
	rooms = rte_pktmbuf_pool_create_extbuf("rooms", BLOCKS * (BLOCK_BYTES / ROOM), 0, 0, ROOM,
					       SOCKET_ID_ANY, memory, BLOCKS);
	if (!rooms)
		return why_fail(rte_errno, "no pool of rooms: %s", rte_strerror(rte_errno));
	return 0;
}

/* Start and end. */

static int configure(bool is_receiver)
{
	struct rte_eth_conf conf = { 0 };
	uint16_t mtu;
	int result = rte_eth_dev_get_mtu(PORT, &mtu);

	if (result)
		return result;
	longest = mtu + (size_t)RTE_ETHER_HDR_LEN;
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	result = rte_eth_dev_configure(PORT, is_receiver, 1, &conf);
	if (!result)
		result = rte_eth_tx_queue_setup(PORT, 0, PORT_RING, (unsigned int)SOCKET_ID_ANY,
						NULL);
	if (!result && is_receiver)
		result = rte_eth_rx_queue_setup(PORT, 0, PORT_RING, (unsigned int)SOCKET_ID_ANY,
						NULL, rooms);
	if (!result)
		result = rte_eth_dev_start(PORT);
	if (!result && is_receiver)
		result = rte_eth_promiscuous_enable(PORT);
	return result;
}

int port_start(bool is_receiver)
{
	int result;

	if (!rte_eth_dev_count_avail())
		return why_fail(
			ENODEV,
			"DPDK has no port: is the card bound to uio_pci_generic or vfio-pci?");
	result = rte_eth_dev_info_get(PORT, &info);
	if (result)
		return why_fail(-result, "no port: %s", rte_strerror(-result));
	if (extmem_start(rte_dev_name(info.device)) || mbufs_start() ||
	    (is_receiver && make_rooms()))
		return -1;
	result = configure(is_receiver);
	if (result)
		return why_fail(-result, "the port does not start: %s", rte_strerror(-result));
	rte_eth_stats_reset(PORT);
	is_started = true;
	return 0;
}

void port_stop(void)
{
	if (check_owner())
		return;
	is_started = false;
	rte_eth_dev_stop(PORT);
	rte_eth_dev_close(PORT);
	rte_mempool_free(rooms);
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	extmem_stop();
}

// SPDX-License-Identifier: MIT
/*
 * PACKET_RX_RING with TPACKET_V2, as packet(7) and the kernel's packet_mmap.rst describe it: blocks
 * of frames of equal size, each with a header whose status tells whether the program or the kernel
 * (here: the interposer) owns the frame. The card writes straight into the frames.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <net/if_arp.h>
#include <pinned.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "packet.h"

#define RINGS 4

static struct packet_ring rings[RINGS];

static struct tpacket2_hdr *frame_at(const struct packet_ring *ring, unsigned int n)
{
	n %= ring->req.tp_frame_nr;
	return (struct tpacket2_hdr *)(ring->base +
				       (size_t)(n / ring->frames_per_block) *
					       ring->req.tp_block_size +
				       (size_t)(n % ring->frames_per_block) *
					       ring->req.tp_frame_size);
}

static bool is_programs(const struct packet_ring *ring, unsigned int n)
{
	return __atomic_load_n(&frame_at(ring, n)->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_KERNEL;
}

bool packet_ring_is_full(const struct packet_ring *ring)
{
	return is_programs(ring, ring->next);
}

bool packet_ring_is_readable(const struct packet_ring *ring)
{
	return is_programs(ring, ring->next + ring->req.tp_frame_nr - 1);
}

/* Returns the kernel's offset of the MAC header: after the header, address and PACKET_RESERVE. */
static size_t mac_offset(uint32_t reserve)
{
	return TPACKET_ALIGN(TPACKET2_HDRLEN + 16) + reserve - ETH_HLEN;
}

/* Returns whether the request is valid and no block would cross the boundary between two chunks. */
static bool is_possible(const struct packet_socket *socket, const struct tpacket_req *req)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return req->tp_block_size && req->tp_block_size % page == 0 &&
	       PINNED_CHUNK_SIZE % req->tp_block_size == 0 &&
	       req->tp_frame_size % TPACKET_ALIGNMENT == 0 &&
	       req->tp_frame_size > mac_offset(socket->reserve) + ETH_HLEN &&
	       req->tp_frame_size <= req->tp_block_size &&
	       req->tp_block_nr <= UINT32_MAX / req->tp_block_size &&
	       (uint64_t)(req->tp_block_size / req->tp_frame_size) * req->tp_block_nr ==
		       req->tp_frame_nr;
}

int packet_ring_make(struct packet_socket *socket, const struct tpacket_req *req)
{
	struct packet_ring *ring = rings;

	if (socket->ring) {
		errno = EBUSY;
		return -1;
	}
	if (socket->version != TPACKET_V2 || socket->type != SOCK_RAW ||
	    !is_possible(socket, req)) {
		errno = EINVAL;
		return -1;
	}
	while (ring < rings + RINGS && ring->base)
		ring++;
	if (ring == rings + RINGS) {
		errno = ENOMEM;
		return -1;
	}
	memset(ring, 0, sizeof(*ring));
	ring->len = (size_t)req->tp_block_size * req->tp_block_nr;
	ring->base = pinned_memalign(PINNED_CHUNK_SIZE, ring->len);
	if (!ring->base)
		return -1;
	memset(ring->base, 0, ring->len);
	ring->req = *req;
	ring->frames_per_block = req->tp_block_size / req->tp_frame_size;
	ring->mac = mac_offset(socket->reserve);
	ring->is_direct = req->tp_frame_size - ring->mac >= E1000_ROOM;
	socket->ring = ring;
	return 0;
}

static void free_ring(struct packet_ring *ring)
{
	pinned_free(ring->base);
	ring->base = NULL;
}

/* Detaches the ring from its socket. The memory stays while the program has it mapped. */
void packet_ring_leave(struct packet_socket *socket)
{
	if (socket->ring && !socket->ring->is_mapped)
		free_ring(socket->ring);
	else if (socket->ring)
		socket->ring->req.tp_frame_nr = 0;
	socket->ring = NULL;
}

bool packet_ring_unmap(void *address)
{
	for (struct packet_ring *ring = rings; ring < rings + RINGS; ring++)
		if (ring->base && ring->base == address && ring->is_mapped) {
			ring->is_mapped = false;
			if (!ring->req.tp_frame_nr)
				free_ring(ring);
			return true;
		}
	return false;
}

int packet_ring_post(struct packet_ring *ring)
{
	while (ring->posted < ring->req.tp_frame_nr && ring->posted < E1000_RING) {
		unsigned int n = ring->next + ring->posted;

		if (is_programs(ring, n))
			break;
		if (e1000_post(packet_card.card, (uint8_t *)frame_at(ring, n) + ring->mac))
			return -1;
		ring->posted++;
	}
	return 0;
}

void packet_describe(const uint8_t *frame, struct sockaddr_ll *address)
{
	static const uint8_t broadcast[ETH_ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	memset(address, 0, sizeof(*address));
	address->sll_family = AF_PACKET;
	memcpy(&address->sll_protocol, frame + 2 * ETH_ALEN, sizeof(address->sll_protocol));
	address->sll_ifindex = packet_card.index;
	address->sll_hatype = ARPHRD_ETHER;
	address->sll_halen = ETH_ALEN;
	memcpy(address->sll_addr, frame + ETH_ALEN, ETH_ALEN);
	if (!memcmp(frame, broadcast, ETH_ALEN))
		address->sll_pkttype = PACKET_BROADCAST;
	else if (frame[0] & 1)
		address->sll_pkttype = PACKET_MULTICAST;
	else if (memcmp(frame, packet_card.address, ETH_ALEN))
		address->sll_pkttype = PACKET_OTHERHOST;
}

bool packet_ring_fill(struct packet_ring *ring, const uint8_t *from, size_t len)
{
	struct tpacket2_hdr *header = frame_at(ring, ring->next);
	uint8_t *frame = (uint8_t *)header + ring->mac;
	size_t room = ring->req.tp_frame_size - ring->mac, kept = len;
	struct timespec now;

	if (packet_ring_is_full(ring))
		return false;
	if (ring->is_direct) {
		packet_card.received_in_place_bytes += len;
		ring->posted--;
	} else {
		kept = len < room ? len : room;
		memcpy(frame, from, kept);
		packet_card.received_copied_bytes += kept;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	header->tp_len = (uint32_t)len;
	header->tp_snaplen = (uint32_t)kept;
	header->tp_mac = (uint16_t)ring->mac;
	header->tp_net = (uint16_t)(ring->mac + ETH_HLEN);
	header->tp_sec = (uint32_t)now.tv_sec;
	header->tp_nsec = (uint32_t)now.tv_nsec;
	header->tp_vlan_tci = header->tp_vlan_tpid = 0;
	packet_describe(frame,
			(struct sockaddr_ll *)((uint8_t *)header + TPACKET_ALIGN(sizeof(*header))));
	__atomic_store_n(&header->tp_status, TP_STATUS_USER, __ATOMIC_RELEASE);
	ring->next = (ring->next + 1) % ring->req.tp_frame_nr;
	return true;
}

// SPDX-License-Identifier: MIT
/*
 * Options and ioctls of the interposer's sockets. Requests that concern the interface, or sockets
 * in general, are passed to the kernel on a hidden socket that has no other use. Unsupported
 * requests are refused in the way an older kernel would, so programs fall back, for example to
 * filtering frames themselves.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "packet.h"

static int refuse(int error)
{
	errno = error;
	return -1;
}

/* Adds or drops a membership. The card follows the last request, whichever socket made it. */
static int change_membership(struct packet_socket *socket, const struct packet_mreq *request,
			     bool is_member)
{
	if (request->mr_ifindex != packet_card.index)
		return refuse(ENODEV);
	if (request->mr_type != PACKET_MR_PROMISC && request->mr_type != PACKET_MR_ALLMULTI &&
	    request->mr_type != PACKET_MR_MULTICAST)
		return refuse(EINVAL);
	socket->is_promiscuous = is_member;
	e1000_set_promiscuous(packet_card.card, is_member);
	return 0;
}

static int set_ring(struct packet_socket *socket, const struct tpacket_req *request)
{
	if (!request->tp_block_nr) {
		packet_stop_receiving(socket);
		packet_ring_leave(socket);
		return 0;
	}
	if (packet_ring_make(socket, request))
		return -1;
	return socket->is_bound ? packet_start_receiving(socket) : 0;
}

static int set_packet_option(struct packet_socket *socket, int name, const void *value,
			     socklen_t len)
{
	switch (name) {
	case PACKET_ADD_MEMBERSHIP:
	case PACKET_DROP_MEMBERSHIP:
		if (len < sizeof(struct packet_mreq))
			return refuse(EINVAL);
		return change_membership(socket, value, name == PACKET_ADD_MEMBERSHIP);
	case PACKET_RX_RING:
		return len < sizeof(struct tpacket_req) ? refuse(EINVAL) : set_ring(socket, value);
	case PACKET_VERSION:
	case PACKET_RESERVE:
		if (len != sizeof(uint32_t))
			return refuse(EINVAL);
		if (socket->ring)
			return refuse(EBUSY);
		if (name == PACKET_VERSION && *(const uint32_t *)value != TPACKET_V2)
			return refuse(EINVAL);
		if (name == PACKET_VERSION)
			socket->version = TPACKET_V2;
		else if (*(const uint32_t *)value > UINT16_MAX / 2)
			return refuse(EINVAL);
		else
			socket->reserve = *(const uint32_t *)value;
		return 0;
	/* The card always behaves this way: frames that it sends are not received. */
	case PACKET_IGNORE_OUTGOING:
	case PACKET_QDISC_BYPASS:
		return 0;
	default:
		return refuse(ENOPROTOOPT);
	}
}

int packet_setsockopt(struct packet_socket *socket, int level, int name, const void *value,
		      socklen_t len)
{
	int result;

	if (level == SOL_PACKET) {
		pthread_mutex_lock(&packet_lock);
		result = set_packet_option(socket, name, value, len);
		pthread_mutex_unlock(&packet_lock);
		return result;
	}
	/* There is never a filter to detach, since attaching one is refused. */
	if (level == SOL_SOCKET && name == SO_DETACH_FILTER)
		return refuse(ENOENT);
	if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO ||
				    name == SO_ATTACH_FILTER || name == SO_ATTACH_BPF))
		return refuse(ENOPROTOOPT);
	return setsockopt(packet_card.hidden, level, name, value, len);
}

static void statistics(struct packet_socket *socket, struct tpacket_stats *stats)
{
	struct e1000_figures now;

	e1000_figures(packet_card.card, &now);
	stats->tp_drops = (unsigned int)(now.missed_frames + now.bad_frames -
					 socket->seen.missed_frames - socket->seen.bad_frames);
	stats->tp_packets = (unsigned int)(now.received_frames - socket->seen.received_frames) +
			    stats->tp_drops;
	socket->seen = now;
}

static int get_packet_option(struct packet_socket *socket, int name, void *value, socklen_t *len)
{
	struct tpacket_stats stats;
	uint32_t word = socket->version;

	switch (name) {
	case PACKET_STATISTICS:
		statistics(socket, &stats);
		*len = *len < sizeof(stats) ? *len : (socklen_t)sizeof(stats);
		memcpy(value, &stats, *len);
		return 0;
	case PACKET_HDRLEN:
		if (*len < sizeof(word) || *(uint32_t *)value != TPACKET_V2)
			return refuse(EINVAL);
		word = sizeof(struct tpacket2_hdr);
		break;
	case PACKET_VERSION:
		break;
	case PACKET_RESERVE:
		word = socket->reserve;
		break;
	default:
		return refuse(ENOPROTOOPT);
	}
	*len = *len < sizeof(word) ? *len : (socklen_t)sizeof(word);
	memcpy(value, &word, *len);
	return 0;
}

int packet_getsockopt(struct packet_socket *socket, int level, int name, void *value,
		      socklen_t *len)
{
	int result;

	if (level == SOL_PACKET) {
		pthread_mutex_lock(&packet_lock);
		result = get_packet_option(socket, name, value, len);
		pthread_mutex_unlock(&packet_lock);
		return result;
	}
	if (level == SOL_SOCKET && name == SO_TYPE && *len >= sizeof(int)) {
		memcpy(value, &socket->type, sizeof(int));
		*len = sizeof(int);
		return 0;
	}
	return getsockopt(packet_card.hidden, level, name, value, len);
}

int packet_ioctl(unsigned long request, void *argument)
{
	/* The card has no offloads, whatever the interface that stands for it reports. */
	if (request == SIOCETHTOOL)
		return refuse(EOPNOTSUPP);
	return ioctl(packet_card.hidden, request, argument);
}

// SPDX-License-Identifier: MIT
/* The other card on the wire: see peer.h. */
#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sys/socket.h>

/* An EtherType for local experiments (IEEE 802). */
#define TYPE 0x88b5

int peer_index;

void fill(uint8_t *frame, size_t len, unsigned int n)
{
	memset(frame, 0xff, ETH_ALEN);
	memcpy(frame + ETH_ALEN, "\2try\0\1", ETH_ALEN);
	frame[12] = TYPE >> 8;
	frame[13] = TYPE & 0xff;
	for (size_t i = ETH_HLEN; i < len; i++)
		frame[i] = (uint8_t)(n * 31 + i * 7 + (n >> 8));
}

bool is_ours(const uint8_t *frame)
{
	return frame[12] == TYPE >> 8 && frame[13] == (TYPE & 0xff);
}

bool is_frame(const uint8_t *frame, size_t len, unsigned int n)
{
	uint8_t expected[FRAME];

	fill(expected, len, n);
	return !memcmp(frame, expected, len);
}

int open_peer(void)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(TYPE),
				       .sll_ifindex = peer_index };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(TYPE)), bytes = 8 << 20;

	CHECK(fd >= 0);
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)));
	CHECK(!bind(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

void peer_sees(int peer, size_t len, unsigned int n)
{
	struct pollfd poll_fd = { .fd = peer, .events = POLLIN };
	uint8_t expected[FRAME], got[FRAME + 1];
	ssize_t received;

	fill(expected, len, n);
	CHECK(poll(&poll_fd, 1, WAIT_MS) == 1);
	received = recv(peer, got, sizeof(got), 0);
	CHECK(received == (ssize_t)len);
	CHECK(!memcmp(got, expected, len));
}

void peer_sees_nothing(int peer)
{
	struct pollfd poll_fd = { .fd = peer, .events = POLLIN };

	CHECK(poll(&poll_fd, 1, 200) == 0);
}

void peer_sends(int peer, size_t len, unsigned int n)
{
	uint8_t frame[FRAME];

	fill(frame, len, n);
	CHECK(send(peer, frame, len, 0) == (ssize_t)len);
}

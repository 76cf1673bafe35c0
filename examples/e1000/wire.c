// SPDX-License-Identifier: MIT
/* The two cards of the tests: see wire.h. */
#define _GNU_SOURCE
#include "wire.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

int wire_peer_index;

void fill(uint8_t *frame, size_t len, unsigned int n)
{
	memset(frame, 0xff, ETH_ALEN);
	memcpy(frame + ETH_ALEN, "\2try\0\1", ETH_ALEN);
	frame[12] = TYPE >> 8;
	frame[13] = TYPE & 0xff;
	for (size_t i = ETH_HLEN; i < len; i++)
		frame[i] = (uint8_t)(n * 31 + i * 7 + (n >> 8));
}

static bool is_ours(const uint8_t *frame)
{
	return frame[12] == TYPE >> 8 && frame[13] == (TYPE & 0xff);
}

int open_peer(void)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(TYPE),
				       .sll_ifindex = wire_peer_index };
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

struct e1000 *open_card(void)
{
	struct e1000 *card = e1000_open();

	CHECK(card);
	return card;
}

int queue(struct e1000 *card, const void *frame, size_t len)
{
	return e1000_queue(card, &(struct iovec){ (void *)(uintptr_t)frame, len }, 1, 0);
}

void check_copies(struct e1000 *card, size_t in_place, size_t copied)
{
	struct e1000_figures figures;

	e1000_figures(card, &figures);
	CHECK(figures.in_place_bytes == in_place);
	CHECK(figures.copied_bytes == copied);
}

void peer_sends(int peer, size_t len, unsigned int n)
{
	uint8_t frame[FRAME];

	fill(frame, len, n);
	CHECK(send(peer, frame, len, 0) == (ssize_t)len);
}

uint8_t *next_frame(struct e1000 *card, size_t *len)
{
	void *room = NULL;
	int result = 0;

	for (int i = 0; i < WAIT_MS && !result; i++) {
		result = e1000_receive(card, &room, len);
		if (result == 1 && !is_ours(room)) {
			CHECK(!e1000_post(card, room));
			result = 0;
		}
		if (!result)
			usleep(1000);
	}
	CHECK(result == 1);
	return room;
}

bool is_frame(const uint8_t *frame, size_t len, unsigned int n)
{
	uint8_t expected[FRAME];

	fill(expected, len, n);
	return !memcmp(frame, expected, len);
}

void card_sees(struct e1000 *card, const uint8_t *expected_room, size_t len, unsigned int n)
{
	size_t got;
	uint8_t *room = next_frame(card, &got);

	CHECK(!expected_room || room == expected_room);
	CHECK(got == len);
	CHECK(is_frame(room, len, n));
}

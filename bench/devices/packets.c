// SPDX-License-Identifier: MIT
/*
 * Sends a buffer of the program with examples/e1000, and receives into one, as a single frame or as
 * a train of frames. When sending, the driver itself detects whether the buffer is pinned. If it
 * is, the driver retains and translates it for each frame; otherwise the driver copies each frame
 * into pinned memory. When receiving, the card writes into the program's own rooms if they are
 * pinned; otherwise it writes into the library's rooms, from which each frame is copied into the
 * program's buffer.
 *
 * usage: packets [INTERFACE]      INTERFACE: receive frames sent there, on the same wire
 */
#include "../../examples/e1000/e1000.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <pinned.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../examples/common/why.h"
#include "meter.h"

#define FRAME ((size_t)1514)
/* The number of frames in flight at a time, which is less than the card's number of rooms. */
#define BATCH ((size_t)128)
/* QEMU's card accepts no frame in the first second. */
#define QUIET_S 2
#define ARRIVAL_US 2000

struct packets {
	struct e1000 *card;
	uint8_t *buffer;
	/* Used for receiving only. */
	int peer;
	bool is_bounced;
	uint8_t *original, *taken[BATCH];
	uint64_t copied, sum;
};

static size_t frame_at(size_t at, size_t len)
{
	return len - at < FRAME ? len - at : FRAME;
}

/* Sending. */

static void queue(struct packets *packets, size_t at, size_t len, struct meter *meter)
{
	const struct iovec frame = { packets->buffer + at, frame_at(at, len) };

	while (e1000_queue(packets->card, &frame, 1, 0)) {
		MUST(errno == EAGAIN);
		meter_waiting(meter);
	}
}

static void send_all(void *context, size_t len, struct meter *meter)
{
	struct packets *packets = context;

	for (size_t at = 0; at < len; at += FRAME)
		queue(packets, at, len, meter);
	meter_work(meter);
	/* The call that finds all frames sent releases their memory, so it counts as work. */
	while (e1000_flush(packets->card, 0)) {
		MUST(errno == ETIMEDOUT);
		meter_waiting(meter);
	}
	meter_work(meter);
}

static void measure_sending(struct packets *packets, size_t len)
{
	struct e1000_figures before, after;
	struct result result;
	uint64_t copied;

	packets->buffer = checked(malloc(len));
	fill(packets->buffer, len);
	e1000_figures(packets->card, &before);
	result = measure("e1000-send", "", send_all, packets, len);
	e1000_figures(packets->card, &after);
	copied = (after.copied_bytes - before.copied_bytes) / (ROUNDS + ROUNDS_TO_WARM);
	result.way = copied ? "bounce" : "in_place";
	report(&result, copied, checksum(packets->buffer, len));
	free(packets->buffer);
}

/* Receiving. */

/* Makes the other card send frames. The kernel's work for that is not counted. */
static size_t let_peer_send(struct packets *packets, size_t at, size_t len)
{
	size_t end = len - at < BATCH * FRAME ? len : at + BATCH * FRAME;

	for (; at < end; at += FRAME)
		MUST(send(packets->peer, packets->original + at, frame_at(at, len), 0) > 0);
	usleep(ARRIVAL_US);
	return end;
}

/* Receives a frame. Return: where the program can read the frame. */
static uint8_t *receive_one(struct packets *packets, size_t at, size_t len, struct meter *meter)
{
	uint8_t *to = packets->buffer + at;
	void *room;
	size_t got;
	int result;

	while (!(result = e1000_receive(packets->card, &room, &got)))
		meter_waiting(meter);
	MUST(result == 1 && got >= frame_at(at, len));
	if (packets->is_bounced) {
		memcpy(to, room, frame_at(at, len));
		packets->copied += frame_at(at, len);
	}
	MUST(!e1000_post(packets->card, room));
	return packets->is_bounced ? to : room;
}

static void receive_all(void *context, size_t len, struct meter *meter)
{
	struct packets *packets = context;

	packets->copied = 0;
	packets->sum = 0;
	for (size_t begin = 0, end; begin < len; begin = end) {
		size_t count = 0;

		end = let_peer_send(packets, begin, len);
		meter->mark = instructions();
		for (size_t at = begin; at < end; at += FRAME)
			packets->taken[count++] = receive_one(packets, at, len, meter);
		meter_work(meter);
		for (size_t i = 0; i < count; i++)
			packets->sum +=
				checksum(packets->taken[i], frame_at(begin + i * FRAME, len));
	}
}

static void measure_receiving(struct packets *packets, size_t len)
{
	struct result result;

	packets->buffer = checked(malloc(len));
	packets->original = checked(malloc(len));
	fill(packets->original, len);
	result = measure("e1000-receive", packets->is_bounced ? "bounce" : "in_place", receive_all,
			 packets, len);
	report(&result, packets->copied, packets->sum);
	free(packets->original);
	free(packets->buffer);
}

static void begin_to_receive(struct packets *packets, const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_ifindex = (int)if_nametoindex(interface) };
	uint8_t *rooms = checked(malloc(E1000_RING * E1000_ROOM));

	packets->peer = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	MUST(packets->peer >= 0);
	MUST(!bind(packets->peer, (struct sockaddr *)&address, sizeof(address)));
	packets->is_bounced = !pinned_owns(rooms);
	if (packets->is_bounced)
		rooms = checked(pinned_malloc(E1000_RING * E1000_ROOM));
	e1000_set_promiscuous(packets->card, true);
	for (size_t i = 0; i < E1000_RING; i++)
		MUST(!e1000_post(packets->card, rooms + i * E1000_ROOM));
	sleep(QUIET_S);
}

int main(int argc, char **argv)
{
	struct packets packets = { .card = e1000_open() };

	if (!packets.card) {
		fprintf(stderr, "packets: %s\n", why());
		return 1;
	}
	meter_check();
	if (argc > 1)
		begin_to_receive(&packets, argv[1]);
	for (size_t len = SIZE_FIRST; len <= SIZE_LAST; len *= 4) {
		if (argc > 1)
			measure_receiving(&packets, len);
		else
			measure_sending(&packets, len);
	}
	e1000_close(packets.card);
	return 0;
}

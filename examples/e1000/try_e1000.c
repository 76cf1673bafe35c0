// SPDX-License-Identifier: MIT
/*
 * Tests the driver against a second card on the same wire, which the kernel drives.
 *
 * usage: try_e1000 INTERFACE     INTERFACE: the second card's
 *        try_e1000 INTERFACE vfio    leave out checks that access the card without the driver
 *        try_e1000 refused ERRNO-NAME    check only that opening the card fails with this errno
 */
#define _GNU_SOURCE
#include <net/if.h>
#include <pinned.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/run_check.h"
#include "wire.h"

static void sends_in_place(void)
{
	struct e1000 *card = open_card();
	uint8_t *frame = pinned_malloc(FRAME + 64);
	int peer = open_peer();
	size_t sum = 0;

	for (size_t len = 60; len <= FRAME; len++) {
		fill(frame + len % 64, len, (unsigned int)len);
		CHECK(!queue(card, frame + len % 64, len));
		CHECK(!e1000_flush(card, WAIT_MS));
		peer_sees(peer, len, (unsigned int)len);
		sum += len;
	}
	check_copies(card, sum, 0);
	pinned_free(frame);
	e1000_close(card);
}

/*
 * Places the boundary between two chunks, which need not be adjacent, at every offset in a frame.
 */
static void sends_across_chunks(void)
{
	struct e1000 *card = open_card();
	uint8_t *chunks = pinned_memalign(PINNED_CHUNK_SIZE, 2 * PINNED_CHUNK_SIZE);
	int peer = open_peer();

	for (unsigned int before = 1; before < 300; before++) {
		uint8_t *frame = chunks + PINNED_CHUNK_SIZE - before;

		fill(frame, 300, before);
		CHECK(!queue(card, frame, 300));
		CHECK(!e1000_flush(card, WAIT_MS));
		peer_sees(peer, 300, before);
	}
	check_copies(card, 299 * 300, 0);
	e1000_close(card);
	pinned_free(chunks);
}

static void copies_what_is_not_pinned(void)
{
	struct e1000 *card = open_card();
	int peer = open_peer();
	uint8_t frame[FRAME], *pinned = pinned_malloc(FRAME);
	struct iovec parts[2] = { { frame, 14 }, { pinned + 14, 500 - 14 } };

	fill(frame, FRAME, 1);
	CHECK(!queue(card, frame, FRAME));
	/* The copy is what is sent, so the caller may overwrite its buffer. */
	memset(frame, 0, sizeof(frame));
	peer_sees(peer, FRAME, 1);
	check_copies(card, 0, FRAME);
	fill(frame, 14, 2);
	fill(pinned, 500, 2);
	CHECK(!e1000_queue(card, parts, 2, 0));
	CHECK(!e1000_flush(card, WAIT_MS));
	peer_sees(peer, 500, 2);
	check_copies(card, 500 - 14, FRAME + 14);
	e1000_close(card);
}

static void waits_when_full(void)
{
	struct e1000 *card = open_card();
	struct e1000_figures figures;
	int peer = open_peer();
	unsigned int n = 0;
	uint8_t *frames = pinned_calloc(E1000_RING + 1, 128);

	e1000_pause(card, true);
	for (;; n++) {
		CHECK(n <= E1000_RING);
		fill(frames + n * 128, 128, n);
		if (queue(card, frames + n * 128, 128))
			break;
	}
	CHECK(errno == EAGAIN && n >= E1000_RING - 1);
	CHECK(e1000_flush(card, 20) == -1 && errno == ETIMEDOUT);
	peer_sees_nothing(peer);
	e1000_pause(card, false);
	CHECK(!e1000_queue(card, &(struct iovec){ frames + n * 128, 128 }, 1, WAIT_MS));
	CHECK(!e1000_flush(card, WAIT_MS));
	for (unsigned int i = 0; i <= n; i++)
		peer_sees(peer, 128, i);
	e1000_figures(card, &figures);
	CHECK(figures.full == 1 && figures.sent_frames == n + 1);
	e1000_close(card);
}

/* The program frees the buffer, and overwrites all memory that it allocates afterwards. */
static void keeps_what_is_freed(void)
{
	struct e1000 *card = open_card();
	int peer = open_peer();
	uint8_t *frame = pinned_malloc(FRAME);
	uint64_t phys = pinned_v2p(frame);

	fill(frame, FRAME, 9);
	e1000_pause(card, true);
	CHECK(!queue(card, frame, FRAME));
	pinned_free(frame);
	for (int i = 0; i < 2000; i++) {
		uint8_t *other = pinned_malloc(FRAME);

		CHECK(other && pinned_v2p(other) != phys);
		memset(other, 0xdd, FRAME);
	}
	e1000_pause(card, false);
	CHECK(!e1000_flush(card, WAIT_MS));
	peer_sees(peer, FRAME, 9);
	e1000_close(card);
}

static void refuses_lengths(void)
{
	struct e1000 *card = open_card();
	struct e1000_figures figures;
	uint8_t *frame = pinned_calloc(1, 2 * E1000_FRAME_MAX);
	struct iovec two[2] = { { frame, E1000_FRAME_MAX }, { frame, 1 } };
	struct iovec many[200];
	int peer = open_peer();

	for (int i = 0; i < 200; i++)
		many[i] = (struct iovec){ frame, 10 };
	CHECK(queue(card, frame, 13) == -1 && errno == EINVAL);
	CHECK(queue(card, frame, E1000_FRAME_MAX + 1) == -1 && errno == EMSGSIZE);
	CHECK(queue(card, frame, SIZE_MAX) == -1 && errno == EMSGSIZE);
	CHECK(e1000_queue(card, two, 2, 0) == -1 && errno == EMSGSIZE);
	CHECK(e1000_queue(card, many, 200, 0) == -1 && errno == EMSGSIZE);
	peer_sees_nothing(peer);
	/* A frame longer than the wire allows is sent, but the second card drops it. */
	CHECK(!queue(card, frame, E1000_FRAME_MAX));
	CHECK(!e1000_flush(card, WAIT_MS));
	e1000_figures(card, &figures);
	CHECK(figures.sent_frames == 1 && figures.in_place_bytes == E1000_FRAME_MAX);
	e1000_close(card);
}

static void receives_in_place(void)
{
	struct e1000 *card = open_card();
	int peer = open_peer();
	uint8_t *room = pinned_malloc(8 * E1000_ROOM);

	for (unsigned int n = 0; n < 8; n++)
		CHECK(!e1000_post(card, room + n * E1000_ROOM));
	for (unsigned int n = 0; n < 600; n++) {
		size_t len = 60 + n * 17 % (FRAME - 59);

		peer_sends(peer, len, n);
		card_sees(card, NULL, len, n);
		CHECK(!e1000_post(card, room + n % 8 * E1000_ROOM));
	}
	e1000_close(card);
}

/*
 * Frames that arrive while no room is posted are lost on a real wire, and some of them on an
 * emulated one. The frames that do arrive are complete and in order.
 */
static void receives_nothing_without_room(void)
{
	struct e1000 *card = open_card();
	int peer = open_peer();
	uint8_t *rooms = pinned_malloc(40 * E1000_ROOM), outside[E1000_ROOM];
	struct e1000_figures figures;
	size_t len;

	CHECK(e1000_post(card, outside) == -1 && errno == EFAULT);
	for (unsigned int n = 0; n < 4; n++)
		CHECK(!e1000_post(card, rooms + n * E1000_ROOM));
	memset(rooms + 4 * E1000_ROOM, 0x77, 36 * E1000_ROOM);
	for (unsigned int n = 0; n < 10; n++)
		peer_sends(peer, 100, n);
	for (unsigned int n = 0; n < 4; n++)
		card_sees(card, rooms + n * E1000_ROOM, 100, n);
	for (unsigned int i = 4 * E1000_ROOM; i < 40 * E1000_ROOM; i++)
		CHECK(rooms[i] == 0x77);
	for (unsigned int n = 4; n < 40; n++)
		CHECK(!e1000_post(card, rooms + n * E1000_ROOM));
	peer_sends(peer, 1000, 10);
	for (unsigned int seen = 0, last = 3; seen < 10; last = seen) {
		uint8_t *frame = next_frame(card, &len);

		for (seen = last + 1; seen < 10 && !is_frame(frame, 100, seen);)
			seen++;
		CHECK(seen < 10 || is_frame(frame, 1000, 10));
	}
	e1000_figures(card, &figures);
	CHECK(figures.bad_frames == 0);
	e1000_close(card);
}

static void is_the_parents_alone(void)
{
	struct e1000 *card = open_card();
	int peer = open_peer(), status;
	uint8_t *frame = pinned_malloc(FRAME);
	pid_t pid;

	fill(frame, FRAME, 5);
	e1000_pause(card, true);
	CHECK(!queue(card, frame, FRAME));
	pid = fork();
	if (!pid) {
		void *room;
		size_t len;

		fill(frame, FRAME, 6);
		CHECK(queue(card, frame, FRAME) == -1 && errno == ENODEV);
		CHECK(e1000_post(card, frame) == -1 && errno == ENODEV);
		CHECK(e1000_receive(card, &room, &len) == -1 && errno == ENODEV);
		CHECK(!e1000_open() && errno == EBUSY);
		e1000_close(card);
		exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	e1000_pause(card, false);
	CHECK(!e1000_flush(card, WAIT_MS));
	peer_sees(peer, FRAME, 5);
	CHECK(!e1000_open() && errno == EBUSY);
	e1000_close(card);
}

/* After a process is killed, its frames are not sent, and the card does not write to its rooms. */
static void outlives_a_killed_owner(void)
{
	int peer = open_peer(), status, ready[2];
	pid_t pid;
	char byte;

	CHECK(!pipe(ready));
	pid = fork();
	if (!pid) {
		struct e1000 *card = open_card();
		uint8_t *frames = pinned_malloc(100 * E1000_ROOM);

		e1000_pause(card, true);
		for (unsigned int n = 0; n < 100; n++) {
			fill(frames + n * E1000_ROOM, FRAME, n);
			CHECK(!queue(card, frames + n * E1000_ROOM, FRAME));
			CHECK(!e1000_post(card, frames + n * E1000_ROOM));
		}
		CHECK(write(ready[1], "", 1) == 1);
		pause();
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	CHECK(!kill(pid, SIGKILL) && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	e1000_close(open_card());
	peer_sees_nothing(peer);
	close(peer);
	sends_across_chunks();
	receives_in_place();
}

int main(int argc, char **argv)
{
	bool is_by_vfio;

	if (argc == 3 && !strcmp(argv[1], "refused")) {
		CHECK(!e1000_open() && !strcmp(strerrorname_np(errno), argv[2]));
		printf("refused: %s\n", why());
		return 0;
	}
	is_by_vfio = argc == 3 && !strcmp(argv[2], "vfio");
	CHECK((argc == 2 || is_by_vfio) && (peer_index = (int)if_nametoindex(argv[1])));
	run_check("sends in place", sends_in_place);
	run_check("sends across chunks", sends_across_chunks);
	run_check("copies what is not pinned", copies_what_is_not_pinned);
	run_check("waits when full", waits_when_full);
	run_check("keeps what is freed", keeps_what_is_freed);
	run_check("refuses lengths", refuses_lengths);
	run_check("receives in place", receives_in_place);
	run_check("receives nothing without room", receives_nothing_without_room);
	run_check("is the parent's alone", is_the_parents_alone);
	run_check("outlives a killed owner", outlives_a_killed_owner);
	if (!is_by_vfio)
		run_fault_checks(run_check);
	return end_checks();
}

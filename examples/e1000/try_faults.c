// SPDX-License-Identifier: MIT
/*
 * Tests the driver's handling of faults: a foreign reset of the card, frames that the card gives
 * up, received frames that are broken, and memory that is only partly pinned.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pinned.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../common/pci/sysfs.h"
#include "e1000_hw.h"
#include "wire.h"

/* Maps, without the driver's knowledge, the registers of the card that has no kernel driver. */
static volatile uint8_t *registers_of_card(void)
{
	DIR *devices = opendir(PCI_DEVICES);
	struct dirent *entry;
	void *registers;
	int fd = -1;

	CHECK(devices);
	while (fd < 0 && (entry = readdir(devices)))
		if (pci_sysfs_id(entry->d_name, "vendor") == E1000_VENDOR &&
		    pci_sysfs_id(entry->d_name, "device") == E1000_DEVICE &&
		    !pci_sysfs_has_driver(entry->d_name))
			fd = pci_sysfs_open(entry->d_name, "resource0", O_RDWR);
	closedir(devices);
	CHECK(fd >= 0);
	registers = mmap(NULL, 1 << 17, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	CHECK(registers != MAP_FAILED);
	return registers;
}

static volatile uint32_t *card_register(volatile uint8_t *registers, size_t at)
{
	return (volatile uint32_t *)(registers + at);
}

/* Returns the memory of a ring of the card, found by the address in the card's registers. */
static void *ring_of_card(volatile uint8_t *registers, size_t ring)
{
	uint64_t low = *card_register(registers, ring + RING_BASE_LOW);
	uint64_t high = *card_register(registers, ring + RING_BASE_HIGH);
	void *memory = pinned_p2v(high << 32 | low);

	CHECK(memory);
	return memory;
}

/*
 * Resets the card. QEMU's card ignores the reset bit, so this clears by hand what a reset clears.
 */
static void reset(volatile uint8_t *registers)
{
	static const size_t ring[] = { RING_BASE_LOW, RING_BASE_HIGH, RING_BYTES, RING_HEAD,
				       RING_TAIL };

	*card_register(registers, REG_RCTL) = 0;
	*card_register(registers, REG_TCTL) = 0;
	*card_register(registers, REG_CTRL) = CTRL_RESET;
	for (size_t i = 0; i < sizeof(ring) / sizeof(ring[0]); i++) {
		*card_register(registers, REG_TX_RING + ring[i]) = 0;
		*card_register(registers, REG_RX_RING + ring[i]) = 0;
	}
}

static void waits_for_reset(struct e1000 *card)
{
	size_t len;
	void *room;
	int result = 0;

	for (int i = 0; i < WAIT_MS && !result; i++) {
		result = e1000_receive(card, &room, &len);
		usleep(1000);
	}
	CHECK(result == -1 && errno == EIO && strstr(why(), "was reset by somebody else"));
}

/*
 * Frames in flight are lost, reported and released; frames that had arrived can be received; and
 * the card works again.
 */
static void survives_a_reset(void)
{
	struct e1000 *card = open_card();
	volatile uint8_t *registers = registers_of_card();
	uint8_t *rooms = pinned_malloc(8 * E1000_ROOM), *frame = pinned_malloc(FRAME);
	int peer = open_peer();
	struct e1000_figures figures;

	for (unsigned int n = 0; n < 8; n++)
		CHECK(!e1000_post(card, rooms + n * E1000_ROOM));
	peer_sends(peer, 100, 1);
	for (int i = 0; i < WAIT_MS && !*card_register(registers, REG_RX_RING + RING_HEAD); i++)
		usleep(1000);
	e1000_pause(card, true);
	fill(frame, FRAME, 2);
	for (int i = 0; i < 3; i++)
		CHECK(!queue(card, frame, FRAME));
	pinned_free(frame);
	CHECK(!pinned_retain(frame) && !pinned_release(frame));
	reset(registers);
	CHECK(e1000_flush(card, WAIT_MS) == -1 && errno == EIO);
	CHECK(strstr(why(), "3 frames in flight are lost"));
	CHECK(pinned_retain(frame) == -1 && errno == EFAULT);
	card_sees(card, NULL, 100, 1);
	waits_for_reset(card);
	peer_sees_nothing(peer);
	for (unsigned int n = 3; n < 40; n++) {
		uint8_t *room;
		size_t len;

		peer_sends(peer, 60 + n, n);
		room = next_frame(card, &len);
		CHECK(len == 60 + n && is_frame(room, len, n));
		fill(room, FRAME, n);
		CHECK(!queue(card, room, FRAME) && !e1000_flush(card, WAIT_MS));
		peer_sees(peer, FRAME, n);
		CHECK(!e1000_post(card, room));
	}
	e1000_figures(card, &figures);
	CHECK(figures.unsent_frames == 3 && figures.sent_frames == 37 && !figures.bad_frames);
	e1000_close(card);
}

/* Checks that the card works: one frame in each direction. */
static void works(void)
{
	struct e1000 *card = open_card();
	uint8_t *room = pinned_malloc(E1000_ROOM);
	int peer = open_peer();

	fill(room, FRAME, 7);
	CHECK(!queue(card, room, FRAME) && !e1000_flush(card, WAIT_MS));
	peer_sees(peer, FRAME, 7);
	CHECK(!e1000_post(card, room));
	peer_sends(peer, FRAME, 8);
	card_sees(card, room, FRAME, 8);
	check_copies(card, FRAME, 0);
	e1000_close(card);
}

/* QEMU's card never fails, so the test itself writes a failure's status into the descriptors. */
static void counts_what_the_card_gives_up(void)
{
	struct e1000 *card = open_card();
	volatile uint8_t *registers = registers_of_card();
	volatile struct tx_descriptor *tx = ring_of_card(registers, REG_TX_RING);
	uint8_t *frame = pinned_malloc(FRAME);
	int peer = open_peer();
	struct e1000_figures figures;

	fill(frame, FRAME, 1);
	e1000_pause(card, true);
	for (unsigned int n = 0; n < 2; n++) {
		CHECK(!queue(card, frame, FRAME));
		CHECK(e1000_flush(card, 0) == -1 && errno == ETIMEDOUT);
		tx[n].status = (uint8_t)(STATUS_DONE | 1u << (n + 1));
		CHECK(!e1000_flush(card, WAIT_MS));
	}
	pinned_free(frame);
	CHECK(pinned_retain(frame) == -1);
	e1000_figures(card, &figures);
	CHECK(figures.sent_frames == 0 && figures.unsent_frames == 2);
	e1000_close(card);
	peer_sees_nothing(peer);
	close(peer);
	works();
}

static void hands_out_no_broken_frame(void)
{
	static const struct rx_descriptor answers[] = {
		{ .len = 100, .status = STATUS_DONE | RX_END_OF_PACKET, .errors = 1 },
		{ .len = 100, .status = STATUS_DONE },
		{ .len = 0xffff, .status = STATUS_DONE | RX_END_OF_PACKET },
	};
	struct e1000 *card = open_card();
	volatile struct rx_descriptor *rx = ring_of_card(registers_of_card(), REG_RX_RING);
	uint8_t *rooms = pinned_malloc(3 * E1000_ROOM);
	struct e1000_figures figures;
	void *room;
	size_t len;

	for (unsigned int n = 0; n < 3; n++) {
		CHECK(!e1000_post(card, rooms + n * E1000_ROOM));
		rx[n].len = answers[n].len;
		rx[n].errors = answers[n].errors;
		rx[n].status = answers[n].status;
		CHECK(e1000_receive(card, &room, &len) == 1);
		CHECK(room == rooms + n * E1000_ROOM && len == 0);
	}
	e1000_figures(card, &figures);
	CHECK(figures.bad_frames == 3 && figures.received_frames == 3);
	e1000_close(card);
	works();
}

/* The frame's first part is pinned memory, and its second part is other memory of the program. */
static void copies_what_is_half_pinned(void)
{
	struct e1000 *card = open_card();
	uint8_t *end = pinned_memalign(PINNED_CHUNK_SIZE, PINNED_CHUNK_SIZE);
	int peer = open_peer();

	CHECK(end);
	do
		end += PINNED_CHUNK_SIZE;
	while (pinned_v2p(end) != PINNED_NO_PHYS);
	CHECK(mmap(end, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		   0) == end);
	fill(end - 700, FRAME, 1);
	CHECK(!queue(card, end - 700, FRAME));
	memset(end - 700, 0, FRAME);
	CHECK(!e1000_flush(card, WAIT_MS));
	peer_sees(peer, FRAME, 1);
	check_copies(card, 0, FRAME);
	CHECK(e1000_post(card, end - 700) == -1 && errno == EFAULT);
	CHECK(!e1000_post(card, end - E1000_ROOM));
	e1000_close(card);
}

void run_fault_checks(void (*run)(const char *name, void (*check)(void)))
{
	run("survives a reset", survives_a_reset);
	run("counts what the card gives up", counts_what_the_card_gives_up);
	run("hands out no broken frame", hands_out_no_broken_frame);
	run("copies what is half pinned", copies_what_is_half_pinned);
}

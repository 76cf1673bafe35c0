/* SPDX-License-Identifier: MIT */
/*
 * A user-space driver for Intel's 82540EM, which QEMU calls e1000. Frames are sent from the
 * caller's own buffers and received into them, if the buffers are pinned memory. The card is
 * polled.
 *
 * One thread at a time may send, and one thread at a time, which may be another one, may receive.
 * In a forked child the functions return -1 with ENODEV, and e1000_close() only frees memory.
 *
 * Functions that return int return 0 unless documented otherwise, or -1 with errno and a message in
 * why(). Functions that wait fail with EIO after a foreign reset: something other than this driver
 * has reset the card. Frames that were in flight are then lost and released, rooms are posted
 * again, and the direction (sending or receiving) that returned EIO works again. If the card does
 * not recover, then each call fails.
 */
#ifndef E1000_H
#define E1000_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* The longest frame that the card sends, and the size of a room for a received frame, in bytes. */
#define E1000_FRAME_MAX 16288
#define E1000_ROOM 1522
/* The most frames that can wait for the card in each direction. */
#define E1000_RING 255

struct e1000;

struct e1000_figures {
	uint64_t sent_frames;
	uint64_t in_place_bytes; /* bytes that the card read from the caller's memory */
	uint64_t copied_bytes;	 /* bytes copied from buffers that are not pinned */
	uint64_t full;		 /* how often the ring was full, and the sender had to wait */
	uint64_t unsent_frames;	 /* frames that the card gave up, or a foreign reset lost */
	uint64_t resets;	 /* number of foreign resets */
	uint64_t received_frames;
	uint64_t missed_frames; /* frames that the card dropped, for lack of a room */
	uint64_t bad_frames;	/* frames that the card reported as broken or too long */
};

/*
 * Opens the card, resets it and raises its link. Return: NULL with errno, ENODEV if there is none.
 */
struct e1000 *e1000_open(void);
/* Stops the card, so that it no longer accesses memory. Frames in flight are lost and released. */
void e1000_close(struct e1000 *card);

/* Returns whether a parent of this process opened the card. */
bool e1000_is_forked(const struct e1000 *card);

void e1000_address(const struct e1000 *card, uint8_t address[6]);
void e1000_figures(struct e1000 *card, struct e1000_figures *figures);

/*
 * Queues one frame that consists of @parts. The card reads pinned parts in place. They are retained
 * until the card has read them: the caller may free them meanwhile, but must not write to them.
 * Parts that are not pinned are copied here. Waits up to @wait_ms for room in the ring.
 *
 * Errors: EINVAL, shorter than an Ethernet header; EMSGSIZE, longer than E1000_FRAME_MAX, or more
 * pieces than the ring has entries; EAGAIN, no room.
 */
int e1000_queue(struct e1000 *card, const struct iovec *parts, int count, int wait_ms);
/* Waits until all queued frames are sent. Errors: ETIMEDOUT, some are not sent after @wait_ms. */
int e1000_flush(struct e1000 *card, int wait_ms);
/* Pauses or resumes sending. While the card is paused, frames wait in the ring. */
void e1000_pause(struct e1000 *card, bool is_paused);

/*
 * Selects whether all frames on the wire are received, or only broadcasts and those for this card.
 */
void e1000_set_promiscuous(struct e1000 *card, bool is_promiscuous);
/*
 * Gives the card @room, E1000_ROOM bytes of pinned memory, to receive a frame into. Errors:
 * ENOBUFS, E1000_RING rooms are posted already.
 */
int e1000_post(struct e1000 *card, void *room);
/* Return: 1 with the first posted room, which now contains a frame of @len bytes; 0 if no frame. */
int e1000_receive(struct e1000 *card, void **room, size_t *len);
/*
 * Stops receiving, and forgets all posted rooms. The card receives again after the next
 * e1000_post().
 */
void e1000_forget_rooms(struct e1000 *card);

#endif /* E1000_H */

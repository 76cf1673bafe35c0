/* SPDX-License-Identifier: MIT */
/*
 * A user-space driver for Intel's 82540EM, which QEMU calls e1000. Frames are sent out of the caller's own
 * buffers and received into them, as far as they are pinned memory; the card is polled.
 *
 * Sending may be in one thread and receiving in another; of each only one at a time. In a forked child
 * nothing of this works: functions return -1 with ENODEV, and e1000_close() only frees.
 *
 * Functions that return int return 0 if nothing else is said, or -1 with errno and a line in why(). EIO is of those
 * that wait: somebody else has reset the card. Frames that were in flight are lost, and released, rooms are
 * posted again, and the side that has said so works again. A card that does not come back says so each time.
 */
#ifndef E1000_H
#define E1000_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* The most bytes that the card takes as one frame, and the room that it needs for one that it receives. */
#define E1000_FRAME_MAX 16288
#define E1000_ROOM 1522
/* Frames that can wait for the card on each side, at most. */
#define E1000_RING 255

struct e1000;

struct e1000_figures {
	uint64_t sent_frames;
	uint64_t in_place_bytes; /* sent straight out of the caller's memory */
	uint64_t copied_bytes;	 /* of buffers that are not pinned */
	uint64_t full;		 /* how often the ring was full, and the sender had to wait */
	uint64_t unsent_frames; /* that the card gave up, or that were in flight when somebody reset it */
	uint64_t resets;	/* how often somebody did */
	uint64_t received_frames;
	uint64_t missed_frames; /* that the card had no room for */
	uint64_t bad_frames;	/* that the card says are broken, or longer than their room */
};

/* Return: the card, reset and with its link up; NULL with errno, ENODEV if there is none. */
struct e1000 *e1000_open(void);
/* Stops the card, which touches no memory any more; what was in flight is lost, and released. */
void e1000_close(struct e1000 *card);

/* Is the card that of a parent of this process? */
bool e1000_is_forked(const struct e1000 *card);

void e1000_address(const struct e1000 *card, uint8_t address[6]);
void e1000_figures(struct e1000 *card, struct e1000_figures *figures);

/*
 * Queues one frame that consists of @parts. Parts that are pinned are read by the card where they are, and are
 * retained until it has done so: they may be freed meanwhile, but not written. Others are copied here.
 * Waits @wait_ms for room in the ring. EINVAL: shorter than an Ethernet header; EMSGSIZE: longer than
 * E1000_FRAME_MAX, or in more pieces than the ring has; EAGAIN: no room.
 */
int e1000_queue(struct e1000 *card, const struct iovec *parts, int count, int wait_ms);
/* Waits until all that is queued has been sent. ETIMEDOUT: it has not. */
int e1000_flush(struct e1000 *card, int wait_ms);
/* Frames wait in the ring as long as it is paused. */
void e1000_pause(struct e1000 *card, bool is_paused);

/* Everything on the wire is received, or else what is for this card, and broadcasts. */
void e1000_set_promiscuous(struct e1000 *card, bool is_promiscuous);
/* Gives the card @room, E1000_ROOM bytes of pinned memory, to receive a frame into. ENOBUFS: it has E1000_RING. */
int e1000_post(struct e1000 *card, void *room);
/* Return: 1 with the first posted room, which holds a frame of @len bytes now; 0: there is none. */
int e1000_receive(struct e1000 *card, void **room, size_t *len);
/* Stops receiving, and forgets all that was posted. The card accepts frames again at the next e1000_post(). */
void e1000_forget_rooms(struct e1000 *card);

#endif /* E1000_H */

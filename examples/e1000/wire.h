/* SPDX-License-Identifier: MIT */
/*
 * Helpers that the driver's tests share, for the card under test; see peer.h for the second card on
 * the wire. A failed check ends the process.
 */
#ifndef WIRE_H
#define WIRE_H

#include "e1000.h"
#include "peer.h"

struct e1000 *open_card(void);
/* As e1000_queue(), for a frame of one part, without waiting. */
int queue(struct e1000 *card, const void *frame, size_t len);
/* Returns the next frame that a test sent. Rooms with other frames are posted again. */
uint8_t *next_frame(struct e1000 *card, size_t *len);
/* Checks that the card receives frame @n next, into @expected_room if that is not NULL. */
void card_sees(struct e1000 *card, const uint8_t *expected_room, size_t len, unsigned int n);
/* Checks how many bytes the card has read in place, and how many were copied. */
void check_copies(struct e1000 *card, size_t in_place, size_t copied);

/* Passes each check of try_faults.c to @run. */
void run_fault_checks(void (*run)(const char *name, void (*check)(void)));

#endif /* WIRE_H */

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
int queue(struct e1000 *card, const void *frame, size_t len);
/* Returns the next frame that a test sent. Rooms with other frames are posted again. */
uint8_t *next_frame(struct e1000 *card, size_t *len);
/* @expected_room may be NULL. */
void card_sees(struct e1000 *card, const uint8_t *expected_room, size_t len, unsigned int n);
void check_copies(struct e1000 *card, size_t in_place, size_t copied);

/* In try_faults.c. */
void run_fault_checks(void (*run)(const char *name, void (*check)(void)));

#endif /* WIRE_H */

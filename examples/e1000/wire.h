/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the driver share: the card, beside the other one on its wire (peer.h). What is not as it must be
 * ends the process.
 */
#ifndef WIRE_H
#define WIRE_H

#include "e1000.h"
#include "peer.h"

struct e1000 *open_card(void);
int queue(struct e1000 *card, const void *frame, size_t len);
/* The others' frames on this wire go back to the card. */
uint8_t *next_frame(struct e1000 *card, size_t *len);
/* @expected_room may be NULL. */
void card_sees(struct e1000 *card, const uint8_t *expected_room, size_t len, unsigned int n);
void check_copies(struct e1000 *card, size_t in_place, size_t copied);

/* In try_faults.c. */
void run_fault_checks(void (*run)(const char *name, void (*check)(void)));

#endif /* WIRE_H */

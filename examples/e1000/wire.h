/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the driver share: the card, a second one on the same wire that the kernel drives, and frames that
 * either sends and the other must see. What is not as it must be ends the process.
 */
#ifndef WIRE_H
#define WIRE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../virtio-crypto/why.h"
#include "e1000.h"

#define FRAME 1514
/* Of the experiments: the frames of others on this wire have another type. */
#define TYPE 0x88b5
#define WAIT_MS 10000

#define CHECK(condition)                                                                  \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(stderr, "%s:%d: %s (errno %s; %s)\n", __FILE__, __LINE__, \
				#condition, strerrorname_np(errno), why());               \
			exit(1);                                                          \
		}                                                                         \
	} while (0)

/* The interface of the second card. */
extern int wire_peer_index;

/* Frame @n of @len bytes: any, but told apart, and for everybody. */
void fill(uint8_t *frame, size_t len, unsigned int n);
bool is_frame(const uint8_t *frame, size_t len, unsigned int n);

int open_peer(void);
void peer_sends(int peer, size_t len, unsigned int n);
void peer_sees(int peer, size_t len, unsigned int n);
void peer_sees_nothing(int peer);

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

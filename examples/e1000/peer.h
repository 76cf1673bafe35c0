/* SPDX-License-Identifier: MIT */
/*
 * The second card on the wire, which the kernel drives: the tests exchange numbered frames with it.
 * A test calls these functions from one process in the second card's network namespace. A failed
 * check ends the process.
 */
#ifndef PEER_H
#define PEER_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/why.h"

#define FRAME 1514
#define WAIT_MS 10000

#define CHECK(condition)                                                                  \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(stderr, "%s:%d: %s (errno %s; %s)\n", __FILE__, __LINE__, \
				#condition, strerrorname_np(errno), why());               \
			exit(1);                                                          \
		}                                                                         \
	} while (0)

/* The index of the second card's interface. */
extern int peer_index;

/* Fills @frame with @len bytes that depend on @n, as a broadcast. */
void fill(uint8_t *frame, size_t len, unsigned int n);
/* Returns whether @frame equals the frame that fill() makes of @len and @n. */
bool is_frame(const uint8_t *frame, size_t len, unsigned int n);
/* Returns whether a test sent @frame; others send frames on this wire too. */
bool is_ours(const uint8_t *frame);

/* Returns a packet socket that is bound to the second card. */
int open_peer(void);
/* Sends frame @n from the second card. */
void peer_sends(int peer, size_t len, unsigned int n);
/* Checks that the second card receives frame @n next, within WAIT_MS. */
void peer_sees(int peer, size_t len, unsigned int n);
/* Checks that the second card receives no frame for 200 ms. */
void peer_sees_nothing(int peer);

#endif /* PEER_H */

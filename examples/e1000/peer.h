/* SPDX-License-Identifier: MIT */
/*
 * The other card on the wire, which the kernel drives, as the tests of a card see it: frames that go there and come
 * from there, each told apart. For one process, which is in the other card's network. What is not as it must be ends it.
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

/* Of its interface. */
extern int peer_index;

/* Frame @n of @len bytes: any, but told apart, and for everybody. */
void fill(uint8_t *frame, size_t len, unsigned int n);
bool is_frame(const uint8_t *frame, size_t len, unsigned int n);
/* Others send frames on this wire too. */
bool is_ours(const uint8_t *frame);

int open_peer(void);
void peer_sends(int peer, size_t len, unsigned int n);
void peer_sees(int peer, size_t len, unsigned int n);
void peer_sees_nothing(int peer);

#endif /* PEER_H */

// SPDX-License-Identifier: MIT
/* Helpers for the tests of the card: see wire.h. */
#define _GNU_SOURCE
#include "wire.h"

#include <unistd.h>

struct e1000 *open_card(void)
{
	struct e1000 *card = e1000_open();

	CHECK(card);
	return card;
}

int queue(struct e1000 *card, const void *frame, size_t len)
{
	return e1000_queue(card, &(struct iovec){ (void *)(uintptr_t)frame, len }, 1, 0);
}

void check_copies(struct e1000 *card, size_t in_place, size_t copied)
{
	struct e1000_figures figures;

	e1000_figures(card, &figures);
	CHECK(figures.in_place_bytes == in_place);
	CHECK(figures.copied_bytes == copied);
}

uint8_t *next_frame(struct e1000 *card, size_t *len)
{
	void *room = NULL;
	int result = 0;

	for (int i = 0; i < WAIT_MS && !result; i++) {
		result = e1000_receive(card, &room, len);
		if (result == 1 && !is_ours(room)) {
			CHECK(!e1000_post(card, room));
			result = 0;
		}
		if (!result)
			usleep(1000);
	}
	CHECK(result == 1);
	return room;
}

void card_sees(struct e1000 *card, const uint8_t *expected_room, size_t len, unsigned int n)
{
	size_t got;
	uint8_t *room = next_frame(card, &got);

	CHECK(!expected_room || room == expected_room);
	CHECK(got == len);
	CHECK(is_frame(room, len, n));
}

// SPDX-License-Identifier: MIT
/*
 * Protects what the configuration key guard promises on the device: there is no memory before and
 * after a large object, nor where one was freed, and a freed object's chunk returns to the driver
 * at once (Faults B34).
 */
#include <stdlib.h>

#include "guest.h"
#include "pinned.h"

int main(void)
{
	char *objects[4];
	unsigned long used;

	setenv("PINNED_CONF", "backend:device,guard:1", 1);
	CHECK(pinned_malloc(100));
	for (int i = 0; i < 4; i++) {
		objects[i] = pinned_malloc(2 * CHUNK);
		CHECK(objects[i]);
		fill(objects[i], 2 * CHUNK, (unsigned long)i);
		CHECK(signal_of_read(objects[i] - 1));
		CHECK(signal_of_read(objects[i] + 2 * CHUNK));
	}
	for (int i = 0; i < 4; i++)
		FILLED(objects[i], 2 * CHUNK, (unsigned long)i);
	used = used_chunks();
	pinned_free(objects[1]);
	EQUAL(used_chunks(), used - 2);
	CHECK(signal_of_read(objects[1]));
	EQUAL(signal_of_read(objects[2]), 0);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Protects what the configuration key guard:N promises on the device: a guarded object has a
 * physical address and ends where no memory follows; after its free, its chunk is the driver's, and
 * its addresses are inaccessible.
 */
#include <stdint.h>
#include <stdlib.h>

#include "guest.h"
#include "pinned.h"

#define OBJECT 112
#define MOST 1000

/* Allocates until an object ends with a chunk, after which there is no memory. */
static char *allocate_guarded(void)
{
	for (int i = 0; i < MOST; i++) {
		char *object = pinned_malloc(OBJECT);

		CHECK(object);
		if (!((uintptr_t)(object + OBJECT) % CHUNK) && signal_of_read(object + OBJECT))
			return object;
	}
	return NULL;
}

int main(void)
{
	setenv("PINNED_CONF", "backend:device,guard:20", 1);
	for (int i = 0; i < 4; i++) {
		char *object = allocate_guarded();
		unsigned long used;

		CHECK(object);
		fill(object, OBJECT, (unsigned long)i);
		CHECK(pinned_v2p(object) != PINNED_NO_PHYS);
		CHECK(pinned_p2v(pinned_v2p(object)) == object);
		FILLED(object, OBJECT, (unsigned long)i);
		used = used_chunks();
		pinned_free(object);
		EQUAL(used_chunks(), used - 1);
		CHECK(signal_of_read(object));
	}
	return 0;
}

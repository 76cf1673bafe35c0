// SPDX-License-Identifier: MIT
/*
 * A punched slot disappears from every mapping at once: the next access gets SIGBUS, never other
 * data. When the slot is filled again, the mappings show zeroed memory at the new physical address
 * (Faults A2).
 */
#include "guest.h"

#define ROUNDS 40

int main(void)
{
	int fd = open_pool();
	uint64_t phys;
	char *huge = map_slots(fd, 0, 4), *small = map_slots_off(fd, 0, 4, PAGE);

	WORKS(populate(fd, 0, 4, NULL));
	touch_pages(huge, 4 * CHUNK);
	touch_pages(small, 4 * CHUNK);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		fill(huge + CHUNK, CHUNK, i);
		FILLED(small + CHUNK, CHUNK, i);
		WORKS(punch(fd, 1, 1));
		EQUAL(signal_of_read(huge + CHUNK), SIGBUS);
		EQUAL(signal_of_write(huge + 2 * CHUNK - 1), SIGBUS);
		EQUAL(signal_of_read(small + CHUNK + 5 * PAGE), SIGBUS);
		EQUAL(signal_of_read(huge), 0);
		EQUAL(signal_of_read(huge + 2 * CHUNK), 0);
		WORKS(populate(fd, 1, 1, &phys));
		ZEROED(huge + CHUNK, CHUNK);
		EQUAL(phys_of(huge + CHUNK), phys);
		ZEROED(small + CHUNK, CHUNK);
		EQUAL(phys_of(small + CHUNK), phys);
	}
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Closing a descriptor before its mapping is gone frees nothing: the memory stays mapped, no other
 * process gets it, and it is freed together with the mapping (Faults A1).
 */
#include "guest.h"

#define SLOTS 8UL

int main(void)
{
	unsigned long used = used_chunks();
	uint64_t phys[SLOTS], other[SLOTS];
	int fd = open_pool();
	char *at;

	WORKS(populate(fd, 0, SLOTS, phys));
	at = map_slots(fd, 0, SLOTS);
	fill(at, SLOTS * CHUNK, 5);
	close(fd);
	EQUAL(used_chunks(), used + SLOTS);

	/* Others take so much memory that a freed chunk would be handed out again. */
	for (int round = 0; round < 20; round++) {
		int second = open_pool();

		WORKS(populate(second, 0, SLOTS, other));
		for (size_t i = 0; i < SLOTS * SLOTS; i++)
			CHECK(other[i / SLOTS] != phys[i % SLOTS]);
		fill(map_slots(second, 0, SLOTS), SLOTS * CHUNK, 6);
		close(second);
	}
	FILLED(at, SLOTS * CHUNK, 5);
	EQUAL(phys_of(at), phys[0]);
	WORKS(munmap(at, SLOTS * CHUNK));
	/* The 20 mappings still exist. */
	COMES_TO_USE(used + 20 * SLOTS);
	return 0;
}

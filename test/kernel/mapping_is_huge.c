// SPDX-License-Identifier: MIT
/*
 * Where address and offset are congruent modulo the chunk size, each chunk is mapped by one huge
 * entry, also in a mapping with empty slots and with slots that are filled later. RSS counts what
 * is mapped (Faults A5, A49).
 */
#include "guest.h"

#define SLOTS 12UL
#define CHUNK_KIB (CHUNK / 1024)

static void one_access_maps_a_chunk(void)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);
	unsigned long i;

	WORKS(populate(fd, 0, SLOTS / 2, NULL));
	EQUAL(smaps_kib(at, "Rss"), 0);
	for (i = 0; i < SLOTS / 2; i++) {
		at[i * CHUNK + 5 * PAGE] = 1;
		EQUAL(smaps_kib(at, "FilePmdMapped"), (i + 1) * CHUNK_KIB);
		EQUAL(smaps_kib(at, "Rss"), (i + 1) * CHUNK_KIB);
	}
	WORKS(populate(fd, SLOTS / 2, SLOTS / 2, NULL));
	touch_pages(at, SLOTS * CHUNK);
	EQUAL(smaps_kib(at, "FilePmdMapped"), SLOTS * CHUNK_KIB);
	EQUAL(smaps_kib(at, "Rss"), SLOTS * CHUNK_KIB);
	WORKS(punch(fd, 3, 2));
	EQUAL(smaps_kib(at, "Rss"), (SLOTS - 2) * CHUNK_KIB);
	WORKS(populate(fd, 3, 2, NULL));
	touch_pages(at, SLOTS * CHUNK);
	EQUAL(smaps_kib(at, "FilePmdMapped"), SLOTS * CHUNK_KIB);
	close(fd);
	WORKS(munmap(at, SLOTS * CHUNK));
}

/* Maps much and fills little, as a library does. */
static void in_a_large_sparse_mapping(void)
{
	const unsigned long slots = 512, filled = 300;
	int fd = open_pool();
	char *at = map_slots(fd, 1000, slots);

	WORKS(populate(fd, 1000 + filled, 1, NULL));
	touch_pages(at + filled * CHUNK, CHUNK);
	EQUAL(smaps_kib(at, "FilePmdMapped"), CHUNK_KIB);
	WORKS(munmap(at, slots * CHUNK));
	close(fd);
}

int main(void)
{
	int fd = open_pool();

	need_huge_mappings(fd);
	close(fd);
	one_access_maps_a_chunk();
	in_a_large_sparse_mapping();
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * POPULATE fills exactly the requested slots, and reports their physical addresses: aligned to the
 * chunk size and all different, with or without an array for the answer, at both ends of the pool,
 * and also if the array lies in the pool's own memory.
 */
#include "guest.h"

#define SLOTS 16

static void addresses_are_distinct(const uint64_t *phys, size_t count)
{
	size_t i, j;

	for (i = 0; i < count; i++) {
		CHECK(phys[i]);
		EQUAL(phys[i] % CHUNK, 0);
		for (j = 0; j < i; j++)
			CHECK(phys[i] != phys[j]);
	}
}

static void ends_of_the_pool(int fd)
{
	unsigned long last = info_of(fd).pool_size / CHUNK - 1;
	uint64_t phys[2];
	char *at;

	WORKS(populate(fd, last, 1, &phys[0]));
	WORKS(populate(fd, 0, 1, &phys[1]));
	addresses_are_distinct(phys, 2);
	at = map_slots(fd, last, 1);
	fill(at, CHUNK, last);
	FILLED(at, CHUNK, last);
	EQUAL(phys_of(at), phys[0]);
	WORKS(munmap(at, CHUNK));
	WORKS(punch(fd, last, 1));
	WORKS(punch(fd, 0, 1));
}

static void answer_in_the_pool(int fd)
{
	char *at = map_slots(fd, 0, 2);
	struct pinned_mem_populate *request = (void *)(at + PAGE);
	uint64_t *phys = (void *)at;

	WORKS(populate(fd, 0, 1, NULL));
	*request = populate_request(1, 1);
	request->phys_ptr = (uintptr_t)phys;
	WORKS(ioctl(fd, PINNED_MEM_IOC_POPULATE, request));
	touch_pages(at + CHUNK, CHUNK);
	EQUAL(phys_of(at + CHUNK), *phys);
	WORKS(munmap(at, 2 * CHUNK));
}

int main(void)
{
	uint64_t phys[SLOTS];
	int fd = open_pool();

	ends_of_the_pool(fd);
	answer_in_the_pool(fd);
	WORKS(populate(fd, 100, SLOTS, phys));
	addresses_are_distinct(phys, SLOTS);
	/* Fills the neighbours, and a single slot without asking for the address. */
	WORKS(populate(fd, 99, 1, NULL));
	WORKS(populate(fd, 100 + SLOTS, 1, NULL));
	EQUAL(info_of(fd).pool_chunks, SLOTS + 4);
	return 0;
}

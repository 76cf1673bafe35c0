// SPDX-License-Identifier: MIT
/*
 * Every byte of a chunk lies below the ceiling that was passed to POPULATE. If no such memory
 * exists, POPULATE fails with ENOMEM and takes nothing (Faults A29).
 */
#include "guest.h"

#define SLOTS 8

static int populate_below(int fd, unsigned long slot, unsigned int count, uint64_t max_phys,
			  uint64_t *phys)
{
	struct pinned_mem_populate request = populate_request(slot, count);

	request.max_phys = max_phys;
	request.phys_ptr = (uintptr_t)phys;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

static unsigned int fill_below(int fd, uint64_t max_phys)
{
	struct pinned_mem_info before;
	unsigned int slot;
	uint64_t phys;

	for (slot = 0; slot < SLOTS; slot++) {
		before = info_of(fd);
		phys = 0;
		if (populate_below(fd, slot, 1, max_phys, &phys)) {
			EQUAL(errno, ENOMEM);
			EQUAL(phys, 0);
			UNCHANGED(fd, before);
			break;
		}
		CHECK(phys + CHUNK - 1 <= max_phys);
	}
	return slot;
}

static void many_at_once(int fd, uint64_t max_phys)
{
	struct pinned_mem_info before = info_of(fd);
	uint64_t phys[SLOTS];
	int i;

	if (populate_below(fd, 0, SLOTS, max_phys, phys)) {
		EQUAL(errno, ENOMEM);
		UNCHANGED(fd, before);
		return;
	}
	for (i = 0; i < SLOTS; i++)
		CHECK(phys[i] + CHUNK - 1 <= max_phys);
	WORKS(punch(fd, 0, SLOTS));
}

int main(void)
{
	static const uint64_t ceilings[] = {
		CHUNK - 1,
		1 << 22,
		1 << 24,
		(1 << 24) - 1,
		1 << 28,
		(1 << 28) - 1,
		1 << 29,
		(1 << 29) + 4096,
		1 << 30,
		(1ULL << 31) - 1,
		(1ULL << 32) - 1,
		1ULL << 32,
		(1ULL << 40) - 1,
		PINNED_MEM_PHYS_ANY - 1,
		PINNED_MEM_PHYS_ANY,
	};
	int fd = open_pool();
	unsigned int got;
	size_t i;

	for (i = 0; i < sizeof(ceilings) / sizeof(*ceilings); i++) {
		got = fill_below(fd, ceilings[i]);
		if (got)
			WORKS(punch(fd, 0, got));
		/* Any machine has memory below 4 GiB, which DMA32 devices can reach. */
		if (ceilings[i] >= (1ULL << 32) - 1)
			EQUAL(got, SLOTS);
		many_at_once(fd, ceilings[i]);
	}
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Chunks below 4 GiB have a limit of their own, whether or not a request asked for low memory, so
 * that an ordinary user cannot take all memory that 32-bit devices need (Faults C12).
 */
#include "guest.h"

#include <grp.h>

#define LOW_LIMIT "/sys/module/pinned_mem/parameters/low_limit_chunks"
#define LOW "/sys/class/misc/pinned_mem/low_chunks"
#define NOBODY 65534
#define LIMIT 8

static int take(int fd, unsigned long slot, unsigned int count, uint64_t max_phys)
{
	struct pinned_mem_populate request = populate_request(slot, count);

	request.max_phys = max_phys;
	request.flags = count > 1 ? PINNED_MEM_F_CONTIGUOUS : 0;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

static void comes_to_low(unsigned long chunks)
{
	uint64_t end = now_ns() + 10000000000ULL;

	while (read_number(LOW) != chunks && now_ns() < end)
		usleep(1000);
	EQUAL(read_number(LOW), chunks);
}

static bool has_memory_above(void)
{
	int fd = open_pool();
	uint64_t phys;

	WORKS(populate(fd, 0, 1, &phys));
	WORKS(punch(fd, 0, 1));
	close(fd);
	return phys > UINT32_MAX;
}

static void is_refused_at_the_limit(void *above)
{
	struct pinned_mem_info before;
	unsigned long slot = 0;
	int fd;

	WORKS(setgroups(0, NULL));
	WORKS(setresgid(NOBODY, NOBODY, NOBODY));
	WORKS(setresuid(NOBODY, NOBODY, NOBODY));
	fd = open_pool();
	while (slot < 100 && !take(fd, slot, 1, UINT32_MAX))
		slot++;
	EQUAL(errno, EDQUOT);
	EQUAL(slot, LIMIT);
	EQUAL(read_number(LOW), LIMIT);
	before = info_of(fd);
	REFUSED(take(fd, 200, 4, UINT32_MAX), EDQUOT);
	if (above)
		WORKS(take(fd, 100, 1, PINNED_MEM_PHYS_ANY));
	else
		REFUSED(take(fd, 100, 1, PINNED_MEM_PHYS_ANY), EDQUOT);
	EQUAL(info_of(fd).used_chunks, before.used_chunks + !!above);
	EQUAL(read_number(LOW), LIMIT);
	WORKS(punch(fd, 0, 4));
	EQUAL(read_number(LOW), LIMIT - 4);
	REFUSED(take(fd, 200, 5, UINT32_MAX), EDQUOT);
	EQUAL(read_number(LOW), LIMIT - 4);
	WORKS(take(fd, 0, 1, UINT32_MAX));
}

int main(void)
{
	unsigned long usual = read_number(LOW_LIMIT);
	char text[32];

	CHECK(usual > 0);
	let_everybody_open(true);
	/* No chunk is resting any more, either. */
	comes_to_low(0);
	WORKS(write_text(LOW_LIMIT, "8"));
	ENDED_WELL(spawn(is_refused_at_the_limit, has_memory_above() ? text : NULL));
	comes_to_low(0);
	REFUSED(write_text(LOW_LIMIT, "12345678901"), EINVAL);
	WORKS(write_text(LOW_LIMIT, "0"));
	EQUAL(read_number(LOW_LIMIT), usual);
	let_everybody_open(false);
	return 0;
}

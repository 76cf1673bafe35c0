// SPDX-License-Identifier: MIT
/*
 * If only CAP_SYS_RAWIO may learn physical addresses, other processes cannot find one by trying
 * ceilings either: the driver refuses every ceiling but the one of 32-bit devices, and always in
 * the same way. Root may use any ceiling (Faults C10).
 */
#include "guest.h"

#include <grp.h>

#define STRICT "/sys/module/pinned_mem/parameters/strict_phys"
#define NOBODY 65534

static int populate_below(int fd, uint64_t max_phys)
{
	struct pinned_mem_populate request = populate_request(0, 1);

	request.max_phys = max_phys;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

/* Bisects a chunk's address by ceilings. Returns how many ceilings were answered. */
static int bisect(int fd)
{
	uint64_t low = CHUNK, high = 1ULL << 40;
	int answers = 0;

	while (high - low > CHUNK) {
		uint64_t middle = low + (high - low) / 2;
		int result = populate_below(fd, middle);

		if (result && errno == EPERM)
			break;
		answers++;
		if (result) {
			EQUAL(errno, ENOMEM);
			low = middle;
		} else {
			WORKS(punch(fd, 0, 1));
			high = middle;
		}
	}
	return answers;
}

static void nobody_finds_it(void *arg)
{
	struct pinned_mem_info before;
	int fd;

	(void)arg;
	WORKS(setgroups(0, NULL));
	WORKS(setresgid(NOBODY, NOBODY, NOBODY));
	WORKS(setresuid(NOBODY, NOBODY, NOBODY));
	fd = open_pool();
	before = info_of(fd);
	EQUAL(bisect(fd), 0);
	for (uint64_t ceiling = CHUNK - 1; ceiling < UINT64_MAX / 3; ceiling = ceiling * 2 + 1)
		if (ceiling != UINT32_MAX)
			REFUSED(populate_below(fd, ceiling), EPERM);
	REFUSED(populate_below(fd, UINT32_MAX - 1), EPERM);
	REFUSED(populate_below(fd, UINT32_MAX + 1ULL), EPERM);
	REFUSED(populate_below(fd, PINNED_MEM_PHYS_ANY - 1), EPERM);
	UNCHANGED(fd, before);
	WORKS(populate_below(fd, PINNED_MEM_PHYS_ANY));
	WORKS(punch(fd, 0, 1));
	/* Some machines have no memory there. */
	if (populate_below(fd, UINT32_MAX))
		EQUAL(errno, ENOMEM);
}

int main(void)
{
	int fd = open_pool();

	let_everybody_open(true);
	WORKS(write_text(STRICT, "1"));
	ENDED_WELL(spawn(nobody_finds_it, NULL));
	/* For root the same bisection works. */
	CHECK(bisect(fd) >= 15);
	WORKS(write_text(STRICT, "0"));
	let_everybody_open(false);
	return 0;
}

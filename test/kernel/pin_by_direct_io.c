// SPDX-License-Identifier: MIT
/*
 * A disk reads and writes pinned memory directly, not by way of the page cache: O_DIRECT works from
 * and to huge and small mappings and across chunks, and fails for an empty slot (Faults A21).
 *
 * usage: pin_by_direct_io [FILE]     on a real file system, or by default a disk that may be
 * overwritten
 */
#include "guest.h"

#include <sys/uio.h>

#define DISK "/dev/vda"
#define SLOTS 4UL
#define LENGTH (3 * CHUNK)

static void there_and_back(int disk, char *from, char *to, uint64_t seed)
{
	fill(from, LENGTH, seed);
	fill(to, LENGTH, ~seed);
	EQUAL(pwrite(disk, from, LENGTH, 1 << 20), LENGTH);
	EQUAL(pread(disk, to, LENGTH, 1 << 20), LENGTH);
	FILLED(from, LENGTH, seed);
	FILLED(to, LENGTH, seed);
}

static void scattered(int disk, char *at)
{
	struct iovec parts[3] = {
		{ .iov_base = at + 5 * PAGE, .iov_len = PAGE },
		{ .iov_base = at + CHUNK - PAGE, .iov_len = 2 * PAGE },
		{ .iov_base = at, .iov_len = PAGE },
	};
	static char got[4 * PAGE_MAX] __attribute__((aligned(PAGE_MAX)));

	fill(at, 2 * CHUNK, 9);
	EQUAL(pwritev(disk, parts, 3, 0), 4 * PAGE);
	EQUAL(pread(disk, got, 4 * PAGE, 0), 4 * PAGE);
	CHECK(!memcmp(got, at + 5 * PAGE, PAGE));
	CHECK(!memcmp(got + PAGE, at + CHUNK - PAGE, 2 * PAGE));
	CHECK(!memcmp(got + 3 * PAGE, at, PAGE));
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : DISK;
	int flags = O_RDWR | O_DIRECT | O_CLOEXEC | (argc > 1 ? O_CREAT : 0);
	int fd = open_pool(), disk = open(path, flags, 0600);
	uint64_t phys[2 * SLOTS];
	char *huge, *small;

	if (disk < 0)
		test_skip("no direct transfers to %s: %s", path, strerror(errno));
	WORKS(populate(fd, 0, 2 * SLOTS, phys));
	huge = map_slots(fd, 0, SLOTS);
	small = map_slots_off(fd, SLOTS, SLOTS, 9 * PAGE);
	there_and_back(disk, huge, small, 1);
	there_and_back(disk, small, huge, 2);
	there_and_back(disk, huge + 3 * PAGE, small + 100 * PAGE, 3);
	scattered(disk, huge);
	if (!geteuid()) {
		EQUAL(phys_of(huge), phys[0]);
		EQUAL(phys_of(small), phys[SLOTS]);
	}
	WORKS(punch(fd, 0, 1));
	REFUSED(pwrite(disk, huge, PAGE, 0), EFAULT);
	REFUSED(pread(disk, huge, PAGE, 0), EFAULT);
	close(disk);
	return 0;
}

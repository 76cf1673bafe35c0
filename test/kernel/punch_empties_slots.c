// SPDX-License-Identifier: MIT
/*
 * PUNCH empties all slots of the request or none of them, and no others; it refuses a request with
 * any invalid field, and changes nothing (Faults A34, A35).
 */
#include "guest.h"

#include <limits.h>

#define SLOTS 8

static void is_filled(int fd, unsigned long slot, bool want)
{
	struct pinned_mem_query found;

	if (want)
		WORKS(query(fd, slot * CHUNK, &found));
	else
		REFUSED(query(fd, slot * CHUNK, &found), ENOENT);
}

static void all_or_none(int fd)
{
	struct pinned_mem_info before;
	unsigned long slot;

	WORKS(punch(fd, 3, 2));
	for (slot = 0; slot < SLOTS; slot++)
		is_filled(fd, slot, slot != 3 && slot != 4);
	before = info_of(fd);
	EQUAL(before.pool_chunks, SLOTS - 2);
	REFUSED(punch(fd, 3, 1), ENOENT);
	REFUSED(punch(fd, 0, SLOTS), ENOENT);
	REFUSED(punch(fd, 2, 2), ENOENT);
	REFUSED(punch(fd, 4, 2), ENOENT);
	REFUSED(punch(fd, SLOTS - 1, 2), ENOENT);
	REFUSED(punch(fd, 0, PINNED_MEM_COUNT_MAX), ENOENT);
	UNCHANGED(fd, before);
	for (slot = 0; slot < SLOTS; slot++)
		is_filled(fd, slot, slot != 3 && slot != 4);
}

static void refused(int fd, struct pinned_mem_punch request)
{
	struct pinned_mem_info before = info_of(fd);

	REFUSED(ioctl(fd, PINNED_MEM_IOC_PUNCH, &request), EINVAL);
	UNCHANGED(fd, before);
}

static void bad_fields(int fd)
{
	static const uint64_t offsets[] = { 1,		4096,  CHUNK - 1,	 CHUNK + 1,
					    1ULL << 63, ~0ULL, ~0ULL - CHUNK + 1 };
	static const uint32_t counts[] = { 0, PINNED_MEM_COUNT_MAX + 1, 1U << 31, UINT_MAX };
	static const uint32_t sizes[] = { 0, 8, 23, 25, 32, UINT_MAX };
	const struct pinned_mem_punch good = punch_request(0, 1);
	unsigned long slots = info_of(fd).pool_size / CHUNK;
	struct pinned_mem_punch request;
	size_t i;

	for (i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		request = good;
		request.offset = offsets[i];
		refused(fd, request);
	}
	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		refused(fd, punch_request(0, counts[i]));
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		request = good;
		request.size = sizes[i];
		refused(fd, request);
	}
	request = good;
	request.flags = 1;
	refused(fd, request);
	request = good;
	request.reserved = 1;
	refused(fd, request);
	refused(fd, punch_request(slots, 1));
	refused(fd, punch_request(slots - 1, 2));
}

int main(void)
{
	unsigned long base = used_chunks();
	int fd = open_pool();

	WORKS(populate(fd, 0, SLOTS, NULL));
	bad_fields(fd);
	all_or_none(fd);
	WORKS(punch(fd, 0, 3));
	WORKS(punch(fd, 5, 3));
	EQUAL(info_of(fd).pool_chunks, 0);
	EQUAL(used_chunks(), base);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * QUERY reports the physical address of any byte of a pool and how many bytes follow contiguously,
 * never beyond filled slots or the contiguous run. For an empty slot or an invalid request it
 * reports nothing (Faults A33, A35, A37).
 */
#include "guest.h"

#define SLOTS 12

/* Returns how many bytes from @offset on are physically contiguous, according to POPULATE. */
static uint64_t run_length(const uint64_t *phys, uint64_t offset)
{
	size_t slot = offset / CHUNK, end = slot + 1;

	while (end < SLOTS && phys[end] == phys[end - 1] + CHUNK)
		end++;
	return end * CHUNK - offset;
}

static void at_offset(int fd, const uint64_t *phys, uint64_t offset)
{
	struct pinned_mem_query found;

	WORKS(query(fd, offset, &found));
	EQUAL(found.size, sizeof(found));
	EQUAL(found.flags, 0);
	EQUAL(found.offset, offset);
	EQUAL(found.phys, phys[offset / CHUNK] + offset % CHUNK);
	EQUAL(found.length, run_length(phys, offset));
	EQUAL(found.memory_type, PINNED_MEM_TYPE_COHERENT);
	CHECK(found.node >= 0);
}

static void refused(int fd, struct pinned_mem_query request, int error)
{
	struct pinned_mem_info before = info_of(fd);
	struct pinned_mem_query found = request;

	REFUSED(ioctl(fd, PINNED_MEM_IOC_QUERY, &found), error);
	CHECK(!memcmp(&found, &request, sizeof(found)));
	UNCHANGED(fd, before);
}

/* A valid request except for one field. */
#define REFUSED_BUT(fd, error, field, value)                                   \
	do {                                                                   \
		struct pinned_mem_query request = { .size = sizeof(request) }; \
		request.field = value;                                         \
		refused(fd, request, error);                                   \
	} while (0)

static void bad_requests(int fd)
{
	uint64_t end = info_of(fd).pool_size;

	REFUSED_BUT(fd, EINVAL, size, 0);
	REFUSED_BUT(fd, EINVAL, size, sizeof(struct pinned_mem_query) + 8);
	REFUSED_BUT(fd, EINVAL, flags, 1);
	REFUSED_BUT(fd, EINVAL, phys, 1);
	REFUSED_BUT(fd, EINVAL, length, 1);
	REFUSED_BUT(fd, EINVAL, memory_type, 1);
	REFUSED_BUT(fd, EINVAL, node, -1);
	REFUSED_BUT(fd, EINVAL, offset, end);
	REFUSED_BUT(fd, EINVAL, offset, ~0ULL);
	REFUSED_BUT(fd, ENOENT, offset, end - 1);
	REFUSED_BUT(fd, ENOENT, offset, SLOTS * CHUNK);
}

int main(void)
{
	static const uint64_t within[] = { 0, 1, 4095, 4096, 12345, CHUNK - 1 };
	struct pinned_mem_query found;
	uint64_t phys[SLOTS];
	int fd = open_pool();
	size_t i;

	REFUSED(query(fd, 0, &found), ENOENT);
	WORKS(populate(fd, 0, SLOTS, phys));
	for (i = 0; i < SLOTS * sizeof(within) / sizeof(*within); i++)
		at_offset(fd, phys, i % SLOTS * CHUNK + within[i / SLOTS]);
	bad_requests(fd);
	/* A contiguous run ends at an empty slot. */
	WORKS(punch(fd, 1, 1));
	WORKS(query(fd, 4096, &found));
	EQUAL(found.length, CHUNK - 4096);
	REFUSED(query(fd, CHUNK, &found), ENOENT);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * A POPULATE request with any one invalid field is refused with the errno for that mistake, and
 * nothing is allocated (Faults A29, A34, A35, A45).
 */
#include "guest.h"

#include <limits.h>

static void refused(int line, int fd, struct pinned_mem_populate request, int error)
{
	struct pinned_mem_info before = info_of(fd);

	test_refused(__FILE__, line, "POPULATE", ioctl(fd, PINNED_MEM_IOC_POPULATE, &request),
		     error);
	UNCHANGED(fd, before);
}

/* A valid request except for one field. */
#define INVALID_BUT_FOR(fd, field, value)                                    \
	do {                                                                 \
		struct pinned_mem_populate request = populate_request(0, 1); \
		request.field = value;                                       \
		refused(__LINE__, fd, request, EINVAL);                      \
	} while (0)

static void sizes_flags_and_reserved(int fd)
{
	INVALID_BUT_FOR(fd, size, 0);
	INVALID_BUT_FOR(fd, size, sizeof(struct pinned_mem_populate) - 1);
	INVALID_BUT_FOR(fd, size, sizeof(struct pinned_mem_populate) + 8);
	INVALID_BUT_FOR(fd, size, UINT_MAX);
	INVALID_BUT_FOR(fd, flags, 2);
	INVALID_BUT_FOR(fd, flags, 1U << 31);
	INVALID_BUT_FOR(fd, flags, PINNED_MEM_F_CONTIGUOUS | 4);
	INVALID_BUT_FOR(fd, sources, 16);
	INVALID_BUT_FOR(fd, sources, UINT_MAX);
}

static void offsets_and_counts(int fd)
{
	INVALID_BUT_FOR(fd, offset, 1);
	INVALID_BUT_FOR(fd, offset, 4096);
	INVALID_BUT_FOR(fd, offset, CHUNK - 1);
	INVALID_BUT_FOR(fd, offset, CHUNK + 1);
	INVALID_BUT_FOR(fd, offset, 1ULL << 63);
	INVALID_BUT_FOR(fd, offset, ~0ULL);
	INVALID_BUT_FOR(fd, offset, ~0ULL - CHUNK + 1);
	INVALID_BUT_FOR(fd, count, 0);
	INVALID_BUT_FOR(fd, count, PINNED_MEM_COUNT_MAX + 1);
	INVALID_BUT_FOR(fd, count, 1U << 31);
	INVALID_BUT_FOR(fd, count, UINT_MAX);
}

static void types_nodes_and_ceilings(int fd)
{
	INVALID_BUT_FOR(fd, memory_type, PINNED_MEM_TYPE_CACHED + 1);
	INVALID_BUT_FOR(fd, memory_type, UINT_MAX);
	INVALID_BUT_FOR(fd, node, -2);
	INVALID_BUT_FOR(fd, node, INT_MIN);
	INVALID_BUT_FOR(fd, node, INT_MAX);
	INVALID_BUT_FOR(fd, node, 1 << 16);
	INVALID_BUT_FOR(fd, max_phys, 0);
	INVALID_BUT_FOR(fd, max_phys, 4096);
	INVALID_BUT_FOR(fd, max_phys, CHUNK - 2);
}

static void beyond_the_pool(int fd)
{
	struct pinned_mem_info before = info_of(fd);
	unsigned long slots = before.pool_size / CHUNK;

	REFUSED(populate(fd, slots, 1, NULL), EINVAL);
	REFUSED(populate(fd, slots - 1, 2, NULL), EINVAL);
	REFUSED(populate(fd, slots - PINNED_MEM_COUNT_MAX + 1, PINNED_MEM_COUNT_MAX, NULL), EINVAL);
	/* The last slot that fits into 64 bits, and one that wraps to slot 0. */
	REFUSED(populate(fd, (1UL << 43) - 1, 1, NULL), EINVAL);
	REFUSED(populate(fd, (1UL << 43) - 1, 2, NULL), EINVAL);
	UNCHANGED(fd, before);
}

/* Types and flags that this interface defines and the running kernel does not support. */
static void what_features_lack(int fd)
{
	static const struct {
		uint32_t feature, type, flag;
	} wanted[] = {
		{ PINNED_MEM_FEATURE_UNCACHED, PINNED_MEM_TYPE_UNCACHED, 0 },
		{ PINNED_MEM_FEATURE_WRITE_COMBINE, PINNED_MEM_TYPE_WRITE_COMBINE, 0 },
		{ PINNED_MEM_FEATURE_CACHED, PINNED_MEM_TYPE_CACHED, 0 },
		{ PINNED_MEM_FEATURE_CONTIGUOUS, 0, PINNED_MEM_F_CONTIGUOUS },
	};
	struct pinned_mem_info before = info_of(fd);
	struct pinned_mem_populate request;
	size_t i;

	for (i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		if (before.features & wanted[i].feature)
			continue;
		request = populate_request(0, 2);
		request.memory_type = wanted[i].type;
		request.flags = wanted[i].flag;
		REFUSED(ioctl(fd, PINNED_MEM_IOC_POPULATE, &request), EOPNOTSUPP);
		UNCHANGED(fd, before);
	}
}

static void filled_already(int fd)
{
	struct pinned_mem_query was, now;
	struct pinned_mem_info before;

	WORKS(populate(fd, 10, 1, NULL));
	WORKS(query(fd, 10 * CHUNK, &was));
	before = info_of(fd);
	REFUSED(populate(fd, 10, 1, NULL), EEXIST);
	REFUSED(populate(fd, 8, 3, NULL), EEXIST);
	REFUSED(populate(fd, 9, 4, NULL), EEXIST);
	REFUSED(populate(fd, 10, 2, NULL), EEXIST);
	UNCHANGED(fd, before);
	REFUSED(query(fd, 9 * CHUNK, &now), ENOENT);
	REFUSED(query(fd, 11 * CHUNK, &now), ENOENT);
	WORKS(query(fd, 10 * CHUNK, &now));
	EQUAL(now.phys, was.phys);
}

int main(void)
{
	int fd = open_pool();

	sizes_flags_and_reserved(fd);
	offsets_and_counts(fd);
	types_nodes_and_ceilings(fd);
	beyond_the_pool(fd);
	what_features_lack(fd);
	filled_already(fd);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * CONTIGUOUS fills several slots with one physical run, from the reserve, the page allocator or
 * CMA, whole or not at all. QUERY reports the run as one, a device gets it as one entry, and its
 * chunks can be punched one by one (Faults A17, A29, A45).
 */
#include "guest.h"

#define RUN 8U
#define RESERVE "/sys/class/misc/pinned_mem/reserve_chunks"

static int populate_run(int fd, unsigned long slot, unsigned int count, uint32_t sources,
			uint64_t *phys)
{
	struct pinned_mem_populate request = populate_request(slot, count);

	request.flags = PINNED_MEM_F_CONTIGUOUS;
	request.sources = sources;
	request.phys_ptr = (uintptr_t)phys;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

static void is_one_run(int fd, char *at, const uint64_t *phys, uint32_t source)
{
	struct pinned_mem_query found;
	unsigned int i;

	for (i = 0; i < RUN; i++)
		EQUAL(phys[i], phys[0] + i * CHUNK);
	WORKS(query(fd, 3 * CHUNK + 77, &found));
	EQUAL(found.phys, phys[0] + 77);
	EQUAL(found.length, RUN * CHUNK - 77);
	EQUAL(found.source, source);
	ZEROED(at, RUN * CHUNK);
	fill(at, RUN * CHUNK, 5);
	FILLED(at, RUN * CHUNK, 5);
	EQUAL(phys_of(at + RUN * CHUNK - PAGE), phys[0] + RUN * CHUNK - PAGE);
}

static void from(uint32_t sources, uint32_t source)
{
	unsigned long base = used_chunks();
	int fd = open_pool();
	char *at = map_slots(fd, 3, RUN);
	uint64_t phys[RUN];

	for (int round = 0; round < 5; round++) {
		if (populate_run(fd, 3, RUN, sources, phys))
			FAIL("run of sources %#x, round %d: expected success, got %s with %lu KiB "
			     "free, %lu of them CMA's",
			     sources, round, strerrorname_np(errno), meminfo_kib("MemFree"),
			     meminfo_kib("CmaFree"));
		is_one_run(fd, at, phys, source);
		/* Punches the middle of the run, then its last chunk. */
		WORKS(punch(fd, 5, 1));
		WORKS(punch(fd, 10, 1));
		EQUAL(used_chunks(), base + RUN - 2);
		FILLED(at, CHUNK, 5);
		WORKS(punch(fd, 3, 2));
		WORKS(punch(fd, 6, 4));
	}
	close(fd);
	WORKS(munmap(at, RUN * CHUNK));
	COMES_TO_USE(base);
}

static void refused_whole(void)
{
	int fd = open_pool();
	struct pinned_mem_info before = info_of(fd);

	REFUSED(populate_run(fd, 0, PINNED_MEM_COUNT_MAX, 0, NULL), EDQUOT);
	REFUSED(populate_run(fd, 0, RUN + 1, PINNED_MEM_SOURCE_RESERVE, NULL), ENOMEM);
	REFUSED(populate_run(fd, 0, RUN, 0, (void *)8), EFAULT);
	UNCHANGED(fd, before);
	close(fd);
}

/* Enlarges the reserve until it contains a contiguous run. */
static void reserve_a_run(void)
{
	unsigned int chunks = 0;
	int fd = open_pool();
	uint64_t phys[RUN];
	char text[32];

	do {
		chunks += 40;
		CHECK(chunks <= 240);
		snprintf(text, sizeof(text), "%u", chunks);
		WORKS(write_text(RESERVE, text));
	} while (populate_run(fd, 0, RUN, PINNED_MEM_SOURCE_RESERVE, phys));
	/* Closing the pool instead would make the run rest, since its addresses are known. */
	WORKS(punch(fd, 0, RUN));
	close(fd);
}

int main(void)
{
	from(PINNED_MEM_SOURCE_BUDDY, PINNED_MEM_SOURCE_BUDDY);
	reserve_a_run();
	from(0, PINNED_MEM_SOURCE_RESERVE);
	WORKS(write_text(RESERVE, "8"));
	refused_whole();
	if (meminfo_kib("CmaTotal") >= 2 * RUN * CHUNK / 1024)
		from(PINNED_MEM_SOURCE_CMA, PINNED_MEM_SOURCE_CMA);
	WORKS(write_text(RESERVE, "0"));
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * INFO describes the driver and the pool: version, geometry, a pool id that no other pool has had,
 * and counts that follow what the pool holds (Faults A14).
 */
#include "guest.h"

static void counts_follow_use(void)
{
	unsigned long base = used_chunks();
	int fd = open_pool(), other = open_pool();

	EQUAL(info_of(fd).pool_chunks, 0);
	EQUAL(info_of(fd).used_chunks, base);
	WORKS(populate(fd, 5, 3, NULL));
	WORKS(populate(other, 5, 1, NULL));
	EQUAL(info_of(fd).pool_chunks, 3);
	EQUAL(info_of(other).pool_chunks, 1);
	EQUAL(info_of(fd).used_chunks, base + 4);
	EQUAL(used_chunks(), base + 4);
	WORKS(punch(fd, 6, 1));
	EQUAL(info_of(fd).pool_chunks, 2);
	EQUAL(info_of(fd).used_chunks, base + 3);
	close(fd);
	COMES_TO_USE(base + 1);
	close(other);
	COMES_TO_USE(base);
}

/*
 * If the count exceeds the mappings that a library made, the library knows that they were changed.
 */
static void mappings_are_counted(void)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, 4), *next;

	EQUAL(info_of(fd).mappings, 1);
	next = map_slots(fd, 4, 4);
	EQUAL(info_of(fd).mappings, 2);
	WORKS(mprotect(at + CHUNK, CHUNK, PROT_READ));
	EQUAL(info_of(fd).mappings, 4);
	WORKS(munmap(at, 4 * CHUNK));
	EQUAL(info_of(fd).mappings, 1);
	WORKS(munmap(next, 4 * CHUNK));
	EQUAL(info_of(fd).mappings, 0);
	close(fd);
}

static void pool_ids_are_never_used_again(void)
{
	uint64_t last = 0, id;
	int i, fd;

	for (i = 0; i < 20; i++) {
		fd = open_pool();
		id = info_of(fd).pool_id;
		CHECK(id > last);
		EQUAL(info_of(fd).pool_id, id);
		last = id;
		close(fd);
	}
}

int main(void)
{
	int fd = open_pool();
	struct pinned_mem_info info = info_of(fd);

	EQUAL(info.size, sizeof(info));
	EQUAL(info.flags, 0);
	EQUAL(info.abi_version, PINNED_MEM_ABI_VERSION);
	CHECK(info.features & PINNED_MEM_FEATURE_COHERENT);
	EQUAL(info.chunk_size, PINNED_MEM_CHUNK_SIZE);
	EQUAL(info.chunk_size, read_number("/sys/class/misc/pinned_mem/chunk_size"));
	EQUAL(info.pool_size % info.chunk_size, 0);
	CHECK(info.pool_size >= 1ULL << 40);
	EQUAL(info.limit_chunks, read_number(LIMIT_FILE));
	CHECK(info.limit_chunks > 0);
	close(fd);
	counts_follow_use();
	mappings_are_counted();
	pool_ids_are_never_used_again();
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * A chunk is mapped by one huge entry whatever its memory was used for before: what an earlier
 * owner left in the kernel's struct page has no influence (Fault A49).
 */
#include "guest.h"

#define USED_BYTES (512UL << 20)
#define SLOTS 128UL

static void use_and_give_back(int advice)
{
	char *used = mmap(NULL, USED_BYTES, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(used != MAP_FAILED);
	madvise(used, USED_BYTES, advice);
	touch_pages(used, USED_BYTES);
	WORKS(munmap(used, USED_BYTES));
}

static void all_chunks_are_huge(void)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);

	WORKS(populate(fd, 0, SLOTS, NULL));
	touch_pages(at, SLOTS * CHUNK);
	EQUAL(smaps_kib(at, "FilePmdMapped"), SLOTS * CHUNK / 1024);
	WORKS(munmap(at, SLOTS * CHUNK));
	close(fd);
}

int main(void)
{
	int fd = open_pool();

	need_huge_mappings(fd);
	close(fd);
	use_and_give_back(MADV_NOHUGEPAGE);
	all_chunks_are_huge();
	use_and_give_back(MADV_HUGEPAGE);
	all_chunks_are_huge();
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * POPULATE, QUERY and the page tables agree on the physical address of every page, in huge and in
 * small mappings, also after the memory has been used (Faults A9, A37).
 */
#include "guest.h"

#define SLOTS 16UL

static void every_page_agrees(int fd, char *at, const uint64_t *phys)
{
	static uint64_t mapped[SLOTS * CHUNK_PAGES_MAX];
	struct pinned_mem_query found;
	size_t page, slot;

	touch_pages(at, SLOTS * CHUNK);
	phys_of_pages(at, mapped, SLOTS * CHUNK_PAGES);
	for (page = 0; page < SLOTS * CHUNK_PAGES; page++) {
		slot = page / CHUNK_PAGES;
		EQUAL(mapped[page], phys[slot] + page % CHUNK_PAGES * PAGE);
		WORKS(query(fd, page * PAGE, &found));
		EQUAL(found.phys, mapped[page]);
	}
}

int main(void)
{
	uint64_t phys[SLOTS];
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);
	char *shifted = map_slots_off(fd, 0, SLOTS, 7 * PAGE);

	/*
	 * Fills slots in several calls and out of order, so that slot order differs from memory
	 * order.
	 */
	WORKS(populate(fd, 8, 5, &phys[8]));
	WORKS(populate(fd, 0, 8, &phys[0]));
	WORKS(populate(fd, 15, 1, &phys[15]));
	WORKS(populate(fd, 13, 2, &phys[13]));
	every_page_agrees(fd, at, phys);
	every_page_agrees(fd, shifted, phys);
	WORKS(punch(fd, 4, 4));
	WORKS(populate(fd, 4, 4, &phys[4]));
	fill(at, SLOTS * CHUNK, 3);
	every_page_agrees(fd, at, phys);
	every_page_agrees(fd, shifted, phys);
	FILLED(shifted, SLOTS * CHUNK, 3);
	return 0;
}

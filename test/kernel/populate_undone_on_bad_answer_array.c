// SPDX-License-Identifier: MIT
/*
 * If POPULATE cannot write its answer, it frees all that it took. The array for addresses may be
 * unmapped, read-only, in kernel space, cut off in the middle, or in a slot that the same call
 * would have filled (Faults A32, A45).
 */
#include "guest.h"

#define SLOTS 8

static void refused(int fd, void *phys)
{
	struct pinned_mem_info before = info_of(fd);
	struct pinned_mem_query found;
	int slot;

	REFUSED(populate(fd, 0, SLOTS, phys), EFAULT);
	UNCHANGED(fd, before);
	for (slot = 0; slot < SLOTS; slot++)
		REFUSED(query(fd, slot * CHUNK, &found), ENOENT);
}

int main(void)
{
	char *pages = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open_pool();
	char *slots;

	WORKS(mprotect(pages + PAGE, PAGE, PROT_READ));
	WORKS(munmap(pages + 2 * PAGE, PAGE));
	refused(fd, (void *)8);
	refused(fd, pages + PAGE);
	refused(fd, pages + 2 * PAGE);
	refused(fd, pages + PAGE - 8 * (SLOTS / 2));
	refused(fd, (void *)0xffff888000000000UL);
	refused(fd, (void *)0x8000000000000000UL);
	refused(fd, (void *)-8L);

	slots = map_slots(fd, 0, SLOTS);
	refused(fd, slots);
	refused(fd, slots + (SLOTS - 1) * CHUNK);
	WORKS(populate(fd, 0, SLOTS, NULL));
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * The driver refuses to unload while a descriptor, or only a mapping, is left, and unloads right
 * afterwards. Repeated loading and unloading loses no memory. An upgrade to another version waits
 * in the same way (Faults A18, A19).
 */
#include "guest.h"

#define ROUNDS 30

static void use_once(void)
{
	int fd = open_pool();
	char *at;

	REFUSED(unload_module(), EWOULDBLOCK);
	REFUSED(load_module(), EEXIST);
	WORKS(populate(fd, 0, 3, NULL));
	at = map_slots(fd, 0, 3);
	fill(at, 3 * CHUNK, 1);
	close(fd);
	REFUSED(unload_module(), EWOULDBLOCK);
	FILLED(at, 3 * CHUNK, 1);
	WORKS(munmap(at + CHUNK, CHUNK));
	REFUSED(unload_module(), EWOULDBLOCK);
	WORKS(munmap(at, CHUNK));
	WORKS(munmap(at + 2 * CHUNK, CHUNK));
}

int main(void)
{
	unsigned long before = 0;

	for (int i = 0; i < ROUNDS; i++) {
		use_once();
		EQUAL(unload_module(), 0);
		CHECK(access(PINNED_MEM_DEVICE, F_OK));
		EQUAL(load_module(), 0);
		/* The first rounds fill the kernel's own caches. */
		if (i == ROUNDS / 3)
			before = free_memory_kib();
	}
	/* For each round less than a chunk, and less than half a module's memory. */
	CHECK(free_memory_kib() + ROUNDS * 100 + checkers_memory_kib() > before);
	return 0;
}

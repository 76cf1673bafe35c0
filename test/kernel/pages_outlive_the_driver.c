// SPDX-License-Identifier: MIT
/*
 * A page that the kernel has pinned lives as long as the pin, even after mapping, pool and driver
 * are gone, and returns to the machine with the last pin (Faults A2, A18).
 */
#include "guest.h"

#include <sys/uio.h>

#define SLOTS 8UL
#define ROUNDS 8
#define LENGTH (SLOTS * PAGE)

/* Puts a page of each chunk into the pipe, then releases everything else. */
static void leave_pages_in_pipe(int pipe_end)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);
	struct iovec parts[SLOTS];
	unsigned long slot;

	WORKS(populate(fd, 0, SLOTS, NULL));
	for (slot = 0; slot < SLOTS; slot++) {
		fill(at + slot * CHUNK, CHUNK, slot);
		parts[slot] = (struct iovec){ at + slot * CHUNK, PAGE };
	}
	EQUAL(vmsplice(pipe_end, parts, SLOTS, 0), LENGTH);
	WORKS(munmap(at, SLOTS * CHUNK));
	close(fd);
	/* The driver counts the chunks as long as it is loaded. */
	EQUAL(used_chunks(), SLOTS);
}

static void pages_are_intact(int pipe_end)
{
	static char got[SLOTS * PAGE_MAX];
	unsigned long slot;

	EQUAL(read(pipe_end, got, LENGTH), LENGTH);
	for (slot = 0; slot < SLOTS; slot++)
		FILLED(got + slot * PAGE, PAGE, slot);
}

/* Uses memory, so that wrongly freed chunks would be handed out to others. */
static void use_memory(void)
{
	char *at = mmap(NULL, 200 * CHUNK, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	memset(at, 0xff, 200 * CHUNK);
	WORKS(munmap(at, 200 * CHUNK));
}

int main(void)
{
	unsigned long before = 0;
	int ends[2], round;

	WORKS(pipe(ends));
	for (round = 0; round < ROUNDS; round++) {
		leave_pages_in_pipe(ends[1]);
		WORKS(unload_module());
		if (!round)
			use_memory();
		pages_are_intact(ends[0]);
		WORKS(load_module());
		/* The first rounds fill the kernel's own caches. */
		if (round == 2)
			before = free_memory_kib();
	}
	CHECK(free_memory_kib() + 2 * SLOTS * CHUNK / 1024 + checkers_memory_kib() > before);
	return 0;
}

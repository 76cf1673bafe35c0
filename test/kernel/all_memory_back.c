// SPDX-License-Identifier: MIT
/*
 * After processes have filled, mapped, touched, forked, punched and ended, by exit and by signal,
 * the machine has as much free memory as before, but for at most one chunk over all rounds
 * (Faults A3, A5, A7, A47).
 */
#include "guest.h"

/* Takes a few seconds, and suffices for a leak to show. */
#define ROUNDS 150
#define ROUNDS_MIN 40
#define SECONDS 12
#define SLOTS 8UL

static char *heap;

static void write_all(void *arg)
{
	(void)arg;
	fill(heap, SLOTS * CHUNK, 7);
	if (getpid() % 2)
		raise(SIGKILL);
}

static void live(void *arg)
{
	int fd = open_pool(), status;
	pid_t child;

	(void)arg;
	WORKS(populate(fd, 0, SLOTS, NULL));
	heap = map_slots(fd, 0, SLOTS);
	touch_pages(heap, SLOTS * CHUNK);
	child = spawn(write_all, NULL);
	touch_pages(heap, SLOTS * CHUNK);
	WORKS(punch(fd, 1, 2));
	WORKS(munmap(heap + CHUNK / 2, PAGE));
	EQUAL(waitpid(child, &status, 0), child);
	WORKS(populate(fd, 1, 1, NULL));
	touch_pages(heap + CHUNK, CHUNK);
	if (getpid() % 2)
		raise(SIGKILL);
}

int main(void)
{
	uint64_t end = now_ns() + SECONDS * 1000000000ULL;
	unsigned long before = 0;
	int status;

	for (int i = 0; i < ROUNDS && (i < ROUNDS_MIN || now_ns() < end); i++) {
		EQUAL(waitpid(spawn(live, NULL), &status, 0) > 0, 1);
		COMES_TO_USE(0);
		if (i == 5)
			before = free_memory_kib();
	}
	/* The slack over all rounds is one chunk. */
	CHECK(free_memory_kib() + 2 * 1024 + checkers_memory_kib() > before);
	return 0;
}

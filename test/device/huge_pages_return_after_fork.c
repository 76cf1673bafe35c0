// SPDX-License-Identifier: MIT
/*
 * Protects the speed of programs that fork: while a child lives, the heap is mapped by small pages;
 * afterwards the library maps it by huge pages again, and undoes nothing that the program did to
 * its mappings.
 */
#include <time.h>

#include "guest.h"
#include "pinned.h"

#define SIZE (8 * CHUNK)

static void pass_time(void)
{
	struct timespec pause = { .tv_nsec = 30000000 };

	nanosleep(&pause, NULL);
}

/* Allocates as a program does, with a size that comes from the arena each time. */
static void live_on(void)
{
	for (int i = 0; i < 100; i++) {
		pass_time();
		pinned_free(pinned_malloc(CHUNK));
	}
}

static unsigned long huge_kib(const char *at)
{
	return smaps_kib(at, "FilePmdMapped");
}

/* Returns true if the heap's mapping, which contains idle chunks as well, has no small page. */
static bool is_all_huge(const char *heap)
{
	unsigned long huge = huge_kib(heap);

	return huge >= SIZE / 1024 && huge == smaps_kib(heap, "Rss");
}

static void exit_soon(void *arg)
{
	touch_pages(arg, 3 * CHUNK);
}

static void wait_to_be_killed(void *arg)
{
	(void)arg;
	pause();
}

static void check_memory(const char *heap, uint64_t phys)
{
	FILLED(heap, SIZE, 1);
	EQUAL(pinned_v2p(heap), phys);
	EQUAL(phys_of(heap), phys);
}

static void huge_again_after_the_last_child(char *heap, uint64_t phys)
{
	pid_t child;

	CHECK(is_all_huge(heap));
	child = spawn(wait_to_be_killed, NULL);
	ENDED_WELL(spawn(exit_soon, heap));
	check_memory(heap, phys);
	live_on();
	EQUAL(huge_kib(heap), 0);
	WORKS(kill(child, SIGKILL));
	ENDED_OR_KILLED(child);
	live_on();
	touch_pages(heap, SIZE);
	CHECK(is_all_huge(heap));
	check_memory(heap, phys);
}

/* A guard page stays protected, so its part of the heap stays on small pages. */
static void what_the_program_protected_stays(char *heap, uint64_t phys)
{
	char *guard = heap + 3 * CHUNK + PAGE;

	WORKS(mprotect(guard, PAGE, PROT_READ));
	ENDED_WELL(spawn(exit_soon, heap));
	live_on();
	EQUAL(smaps_kib(guard, "Size"), PAGE / 1024);
	WORKS(mprotect(guard, PAGE, RW));
	check_memory(heap, phys);
}

int main(void)
{
	char *heap = pinned_malloc(SIZE);
	uint64_t phys = pinned_v2p(heap);
	int fd = open_pool();

	need_huge_mappings(fd);
	close(fd);
	fill(heap, SIZE, 1);
	huge_again_after_the_last_child(heap, phys);
	huge_again_after_the_last_child(heap, phys);
	what_the_program_protected_stays(heap, phys);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * No process ever reads data that another left behind: memory that was filled, and freed by punch,
 * close, death or the end of a snapshot, reads as zero when it is handed out again (Faults A16,
 * A17).
 */
#include "guest.h"

#define SLOTS 40UL
#define ROUNDS 3

static uint64_t seen[4096];
static size_t seen_count, seen_again;

static void remember(uint64_t phys)
{
	size_t i;

	for (i = 0; i < seen_count; i++) {
		if (seen[i] == phys) {
			seen_again++;
			return;
		}
	}
	CHECK(seen_count < sizeof(seen) / sizeof(*seen));
	seen[seen_count++] = phys;
}

/* Uses memory that must be zeroed, and leaves it dirty. */
static char *use_memory(int fd, uint64_t *phys)
{
	char *at = map_slots(fd, 0, SLOTS);

	WORKS(populate(fd, 0, SLOTS, phys));
	ZEROED(at, SLOTS * CHUNK);
	fill(at, SLOTS * CHUNK, 0xdead);
	return at;
}

static void remember_all(const uint64_t *phys)
{
	size_t i;

	for (i = 0; i < SLOTS; i++)
		remember(phys[i]);
}

static void given_back_by_punch_and_close(void)
{
	uint64_t phys[SLOTS];
	int fd = open_pool();
	char *at = use_memory(fd, phys);

	remember_all(phys);
	WORKS(punch(fd, 0, SLOTS / 2));
	WORKS(munmap(at, SLOTS * CHUNK));
	close(fd);
}

static void leave_a_snapshot(void *arg)
{
	(void)arg;
}

static void die_with_memory(void *phys)
{
	int fd = open_pool();

	use_memory(fd, phys);
	ENDED_WELL(spawn(leave_a_snapshot, NULL));
	raise(SIGKILL);
}

static void given_back_by_death(uint64_t *phys)
{
	int status;

	CHECK(waitpid(spawn(die_with_memory, phys), &status, 0) > 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	remember_all(phys);
}

int main(void)
{
	uint64_t *phys = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int round;

	/* Otherwise the dead processes' memory would rest, and not be handed out again soon. */
	WORKS(write_text("/sys/module/pinned_mem/parameters/quarantine_ms", "0"));
	for (round = 0; round < ROUNDS; round++) {
		given_back_by_punch_and_close();
		given_back_by_death(phys);
	}
	/* Otherwise all memory was fresh, and the test has shown nothing. */
	CHECK(seen_again > SLOTS);
	WORKS(write_text("/sys/module/pinned_mem/parameters/quarantine_ms", "1000"));
	return 0;
}

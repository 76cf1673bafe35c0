// SPDX-License-Identifier: MIT
/*
 * Forked children can fork again: each generation sees its parent's memory as of the fork, writes
 * to its own copies, and frees them at its end, in whatever order the generations end (Faults A3,
 * B12).
 */
#include "guest.h"

#define SLOTS 2UL
#define DEPTH 4
#define SIBLINGS 12

static unsigned long base;
static char *at;

/* When the process at @depth begins, the memory contains the number @depth. */
static void descend(int depth)
{
	pid_t pid;

	FILLED(at, SLOTS * CHUNK, depth);
	EQUAL(used_chunks(), base + SLOTS);
	if (depth == DEPTH)
		return;
	fill(at, SLOTS * CHUNK, depth + 1);
	pid = WORKS(fork());
	if (!pid) {
		descend(depth + 1);
		_exit(0);
	}
	fill(at, SLOTS * CHUNK, 100 + depth);
	ENDED_WELL(pid);
	FILLED(at, SLOTS * CHUNK, 100 + depth);
	EQUAL(snapshot_pages(), depth * SLOTS * CHUNK_PAGES);
}

static void wait_to_be_killed(void *gate)
{
	touch_pages(at, SLOTS * CHUNK);
	let_pass(gate);
	for (;;)
		pause();
}

/* Kills siblings from the middle outwards. */
static void siblings_die_in_any_order(void)
{
	struct gate is_ready = make_gate();
	pid_t pids[SIBLINGS];
	int i;

	for (i = 0; i < SIBLINGS; i++)
		pids[i] = spawn(wait_to_be_killed, &is_ready);
	for (i = 0; i < SIBLINGS; i++)
		wait_at(&is_ready);
	EQUAL(snapshot_pages(), SIBLINGS * SLOTS * CHUNK_PAGES);
	for (i = 0; i < SIBLINGS; i++) {
		int victim = (i * 5 + SIBLINGS / 2) % SIBLINGS;

		WORKS(kill(pids[victim], SIGKILL));
		ENDED_OR_KILLED(pids[victim]);
		COMES_TO_COPIES((SIBLINGS - i - 1) * SLOTS * CHUNK_PAGES);
	}
}

int main(void)
{
	int fd = open_pool();

	base = used_chunks();
	WORKS(populate(fd, 0, SLOTS, NULL));
	at = map_slots(fd, 0, SLOTS);
	fill(at, SLOTS * CHUNK, 0);
	descend(0);
	fill(at, SLOTS * CHUNK, 7);
	siblings_die_in_any_order();
	FILLED(at, SLOTS * CHUNK, 7);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Each generation forks the next and exits, as daemons do, and members of larger families die in
 * any order. Every process sees the memory as it was when the process was forked, and dead
 * processes leave no copies behind (Faults A3, A4, B12).
 */
#include "guest.h"

#include <sys/prctl.h>

#define SLOTS 2UL
#define PAGES (SLOTS * CHUNK_PAGES)
#define GENERATIONS 40
#define TREES 6
#define DEPTH 4

static int fd;
static char *at;

/*
 * Each process writes a page of its own, checks the pages of its ancestors, forks the next, and
 * exits.
 */
static void chain(void *arg)
{
	(void)arg;
	for (int number = 0; number < GENERATIONS; number++) {
		for (int i = 0; i < number; i++)
			FILLED(at + i * PAGE, PAGE, 1000 + i);
		FILLED(at + PAGES * PAGE - PAGE, PAGE, 5);
		fill(at + number * PAGE, PAGE, 1000 + number);
		if (WORKS(fork()))
			_exit(0);
	}
	/* One copy of each page, or two while a process is still exiting. */
	CHECK(snapshot_pages() <= 3 * GENERATIONS);
}

static void daemons(void)
{
	int status, left = 0;

	WORKS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	spawn(chain, NULL);
	while (wait(&status) > 0) {
		EQUAL(status, 0);
		left++;
	}
	EQUAL(left, GENERATIONS + 1);
	COMES_TO_COPIES(0);
	EQUAL(info_of(fd).snapshots, 0);
}

/*
 * Builds a tree of processes: each writes, forks twice, checks, and dies before or after its
 * children.
 */
static void node(int depth, uint64_t path)
{
	bool waits = path * 2654435761U >> 7 & 1;
	pid_t pids[2] = { 0 };

	FILLED(at, CHUNK, depth ? path / 2 : 1);
	fill(at, CHUNK, path);
	for (int i = 0; i < 2 && depth < DEPTH; i++) {
		pids[i] = WORKS(fork());
		if (!pids[i]) {
			node(depth + 1, path * 2 + i);
			_exit(0);
		}
		/* The child must not see this write. */
		fill(at, PAGE * 3, 99);
		fill(at, CHUNK, path);
	}
	FILLED(at, CHUNK, path);
	FILLED(at + CHUNK, CHUNK, 6);
	for (int i = 0; waits && i < 2 && pids[i]; i++)
		ENDED_WELL(pids[i]);
	FILLED(at, CHUNK, path);
}

static void tree(void *arg)
{
	(void)arg;
	fill(at, CHUNK, 1);
	node(0, 1);
}

static void families(void)
{
	int status;

	for (int i = 0; i < TREES; i++) {
		spawn(tree, NULL);
		fill(at, PAGE, 3);
		while (wait(&status) > 0)
			EQUAL(status, 0);
		COMES_TO_COPIES(0);
		EQUAL(info_of(fd).snapshots, 0);
	}
}

int main(void)
{
	fd = open_pool();
	WORKS(populate(fd, 0, SLOTS, NULL));
	at = map_slots(fd, 0, SLOTS);
	fill(at + PAGES * PAGE - PAGE, PAGE, 5);
	daemons();
	fill(at + CHUNK, CHUNK, 6);
	families();
	FILLED(at + CHUNK, CHUNK, 6);
	return 0;
}

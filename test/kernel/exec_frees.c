// SPDX-License-Identifier: MIT
/*
 * A program started by exec inherits nothing of the process's pinned memory: the mapping is gone
 * and the chunks are free, whether the descriptor was closed on exec or leaked. A leaked descriptor
 * refuses every request (Faults A15, A41, B15).
 */
#include "guest.h"

#define SLOTS 4UL
#define ROUNDS 30

static char *own_path;

/*
 * Checks the state after exec: descriptor @fd leaked, or was closed if @fd is 0; @base chunks may
 * be in use.
 */
static int successor(int fd, unsigned long base)
{
	EQUAL(used_chunks(), base);
	if (!fd) {
		EQUAL(open_pool(), 3);
		return 0;
	}
	REFUSED(populate(fd, SLOTS, 1, NULL), EPERM);
	REFUSED(mmap(NULL, CHUNK, RW, MAP_SHARED, fd, 0), EPERM);
	CHECK(info_of(fd).pool_id);
	return 0;
}

static void become_successor(int fd, unsigned long base)
{
	char fd_text[16], base_text[24];

	snprintf(fd_text, sizeof(fd_text), "%d", fd);
	snprintf(base_text, sizeof(base_text), "%lu", base);
	WORKS(execl(own_path, own_path, fd_text, base_text, NULL));
}

static void exec_with_memory(void *leak)
{
	unsigned long base = used_chunks();
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);

	WORKS(populate(fd, 0, SLOTS, NULL));
	fill(at, SLOTS * CHUNK, 1);
	if (leak)
		WORKS(fcntl(fd, F_SETFD, 0));
	become_successor(leak ? fd : 0, base);
}

/* A child executes a program, as in a shell, and the parent keeps its memory. */
static void exec_in_a_child(void)
{
	unsigned long base = used_chunks();
	int fd = open_pool(), round;
	char *at = map_slots(fd, 0, SLOTS);
	pid_t pid;

	WORKS(populate(fd, 0, SLOTS, NULL));
	fill(at, SLOTS * CHUNK, 2);
	for (round = 0; round < ROUNDS; round++) {
		pid = WORKS(round % 2 ? vfork() : fork());
		if (!pid) {
			become_successor(0, base + SLOTS);
			_exit(1);
		}
		ENDED_WELL(pid);
	}
	FILLED(at, SLOTS * CHUNK, 2);
	WORKS(munmap(at, SLOTS * CHUNK));
	close(fd);
	COMES_TO_USE(base);
}

int main(int argc, char **argv)
{
	unsigned long base = used_chunks();
	int round;

	own_path = argv[0];
	if (argc == 3)
		return successor(atoi(argv[1]), strtoul(argv[2], NULL, 10));
	for (round = 0; round < ROUNDS; round++) {
		ENDED_WELL(spawn(exec_with_memory, round % 2 ? argv[0] : NULL));
		COMES_TO_USE(base);
	}
	exec_in_a_child();
	return 0;
}

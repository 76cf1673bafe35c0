// SPDX-License-Identifier: MIT
/*
 * A POPULATE of hundreds of megabytes ends soon after SIGKILL, at whatever moment the signal
 * arrives, and all memory that it had taken is freed (Faults A31, A42, A45).
 */
#include "guest.h"

#include <time.h>

#define SECOND 1000000000ULL
#define KILLS 40

static void populate_much(void *arg)
{
	int fd = open_pool();

	(void)arg;
	for (;;) {
		WORKS(populate(fd, 0, 300, NULL));
		WORKS(punch(fd, 0, 300));
	}
}

static void populate_little(void *arg)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, 8);

	(void)arg;
	for (;;) {
		WORKS(populate(fd, 0, 8, NULL));
		touch_pages(at, 8 * CHUNK);
		WORKS(punch(fd, 0, 8));
	}
}

/* The time of a complete POPULATE on this machine: a killed one may take no longer. */
static uint64_t whole_ns;

static void time_a_whole_one(void)
{
	uint64_t start = now_ns();
	int fd = open_pool();

	WORKS(populate(fd, 0, 300, NULL));
	WORKS(punch(fd, 0, 300));
	close(fd);
	whole_ns = now_ns() - start;
}

static void wait_for_use(unsigned long chunks)
{
	while (used_chunks() < chunks)
		;
}

static void kill_after(pid_t pid, unsigned long base, long delay_ns)
{
	const struct timespec delay = { .tv_nsec = delay_ns };
	uint64_t start;
	int status;

	nanosleep(&delay, NULL);
	start = now_ns();
	WORKS(kill(pid, SIGKILL));
	EQUAL(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	COMES_TO_USE(base);
	CHECK(now_ns() - start < 2 * SECOND + 4 * whole_ns);
}

int main(int argc, char **argv)
{
	unsigned int seed = argc > 1 ? (unsigned int)atoi(argv[1]) : (unsigned int)now_ns();
	unsigned long base = used_chunks();
	pid_t pid;
	int i;

	printf("seed %u\n", seed);
	srand(seed);
	time_a_whole_one();
	COMES_TO_USE(base);
	for (i = 0; i < 4; i++) {
		pid = spawn(populate_much, NULL);
		wait_for_use(base + 20);
		kill_after(pid, base, 0);
	}
	for (i = 0; i < KILLS; i++) {
		pid = spawn(populate_little, NULL);
		wait_for_use(base + 1);
		kill_after(pid, base, rand() % 20000000);
	}
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * SIGKILL frees all memory of a process at once, whatever its threads were doing with the memory:
 * idling, writing, faulting, forking (Faults A3, A42).
 */
#include "guest.h"

#include <pthread.h>

#define SLOTS 16UL
#define ROUNDS 8

static char *at;
static int fd;

static void *keep_faulting(void *arg)
{
	for (;;) {
		touch_pages(at, SLOTS * CHUNK);
		WORKS(madvise(at, SLOTS * CHUNK, MADV_DONTNEED));
	}
	return arg;
}

static void *keep_mapping(void *arg)
{
	for (;;)
		WORKS(munmap(map_slots(fd, 0, SLOTS), SLOTS * CHUNK));
	return arg;
}

static void *keep_forking(void *arg)
{
	for (;;) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	return arg;
}

static void *keep_waiting(void *arg)
{
	pause();
	return arg;
}

static void *(*const habits[])(void *arg) = {
	keep_waiting,
	keep_faulting,
	keep_mapping,
	keep_forking,
};

struct life {
	void *(*habit)(void *arg);
	struct gate is_running;
};

static void live(void *arg)
{
	struct life *life = arg;
	pthread_t thread;

	fd = open_pool();
	at = map_slots(fd, 0, SLOTS);
	WORKS(populate(fd, 0, SLOTS, NULL));
	touch_pages(at, SLOTS * CHUNK);
	EQUAL(pthread_create(&thread, NULL, life->habit, NULL), 0);
	EQUAL(pthread_create(&thread, NULL, life->habit, NULL), 0);
	let_pass(&life->is_running);
	life->habit(NULL);
}

int main(void)
{
	struct life life = { .is_running = make_gate() };
	unsigned long base = used_chunks();
	int round, status;
	size_t i;

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < sizeof(habits) / sizeof(*habits); i++) {
			pid_t pid;

			life.habit = habits[i];
			pid = spawn(live, &life);
			wait_at(&life.is_running);
			WORKS(kill(pid, SIGKILL));
			EQUAL(waitpid(pid, &status, 0), pid);
			CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
			COMES_TO_USE(base);
		}
	}
	return 0;
}

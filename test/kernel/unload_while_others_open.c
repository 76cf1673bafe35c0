// SPDX-License-Identifier: MIT
/*
 * While the driver is loaded and unloaded, other processes try to use it: each attempt works
 * completely or fails, the driver refuses to unload while it is in use, and no round leaks memory
 * (Faults A18).
 */
#include "guest.h"

#include <time.h>

#define ROUNDS 60
#define USERS 2
/* For each round less than a chunk, and less than a module's memory. */
#define SLACK_KIB (ROUNDS * 50)

static void use_when_there(void *arg)
{
	const struct timespec moment = { .tv_nsec = 3000000 };

	(void)arg;
	for (;; nanosleep(&moment, NULL)) {
		int fd = open(PINNED_MEM_DEVICE, O_RDWR | O_CLOEXEC);
		char *at;

		if (fd < 0) {
			CHECK(errno == ENOENT || errno == ENXIO || errno == ENODEV);
			continue;
		}
		WORKS(populate(fd, 0, 1, NULL));
		at = map_slots(fd, 0, 1);
		close(fd);
		fill(at, PAGE, 1);
		FILLED(at, PAGE, 1);
		WORKS(munmap(at - CHUNK, 3 * CHUNK));
	}
}

/* EWOULDBLOCK means that the module is in use, EBUSY that it is being loaded or unloaded. */
static void unload(void)
{
	while (unload_module())
		CHECK(errno == EWOULDBLOCK || errno == EBUSY);
}

/* The kernel frees the memory of ended processes and modules with a delay. */
static bool is_memory_back(unsigned long before)
{
	const struct timespec moment = { .tv_nsec = 200000000 };

	for (int i = 0; i < 50; i++, nanosleep(&moment, NULL))
		if (free_memory_kib() + SLACK_KIB + checkers_memory_kib() > before)
			return true;
	printf("free memory: %lu KiB before, %lu KiB now\n", before, free_memory_kib());
	fflush(stdout);
	return false;
}

int main(void)
{
	pid_t users[USERS];
	unsigned long before = 0;
	int i;

	for (i = 0; i < USERS; i++)
		users[i] = spawn(use_when_there, NULL);
	for (i = 0; i < ROUNDS; i++) {
		unload();
		EQUAL(load_module(), 0);
		/* The first rounds fill the kernel's own caches. */
		if (i == ROUNDS / 3)
			before = free_memory_kib();
	}
	for (i = 0; i < USERS; i++) {
		WORKS(kill(users[i], SIGKILL));
		ENDED_OR_KILLED(users[i]);
	}
	COMES_TO_USE(0);
	CHECK(is_memory_back(before));
	return 0;
}

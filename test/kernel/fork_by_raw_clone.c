// SPDX-License-Identifier: MIT
/*
 * Every way to fork gives a snapshot: clone() without CLONE_VM makes one, whether descriptors are
 * shared or not. With CLONE_VM, as in vfork() and posix_spawn(), the child runs in the parent's
 * address space and uses the pool as the parent does; its end frees nothing (Faults A40, B13, B14).
 */
#include "guest.h"

#include <sched.h>
#include <sys/syscall.h>

#define SLOTS 2UL

static int fd;
static char *at;
static uint64_t phys[SLOTS];

static void copying_clone(unsigned long flags)
{
	unsigned long used = used_chunks();
	pid_t pid;

	fill(at, SLOTS * CHUNK, 1);
	pid = WORKS(syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0));
	if (!pid) {
		FILLED(at, SLOTS * CHUNK, 1);
		EQUAL(phys_of(at), phys[0]);
		fill(at, SLOTS * CHUNK, 2);
		CHECK(phys_of(at) != phys[0]);
		REFUSED(populate(fd, SLOTS, 1, NULL), EPERM);
		_exit(0);
	}
	ENDED_WELL(pid);
	FILLED(at, SLOTS * CHUNK, 1);
	EQUAL(phys_of(at), phys[0]);
	EQUAL(used_chunks(), used);
}

static int use_parents_pool(void *arg)
{
	char *other;

	(void)arg;
	FILLED(at, SLOTS * CHUNK, 1);
	EQUAL(phys_of(at), phys[0]);
	WORKS(populate(fd, SLOTS, 1, NULL));
	other = map_slots(fd, SLOTS, 1);
	fill(other, CHUNK, 3);
	WORKS(munmap(other, CHUNK));
	fill(at, SLOTS * CHUNK, 2);
	return 0;
}

static void sharing_clone(int flags)
{
	static char stack[1 << 16] __attribute__((aligned(16)));
	unsigned long used = used_chunks();
	char *other;

	fill(at, SLOTS * CHUNK, 1);
	ENDED_WELL(WORKS(clone(use_parents_pool, stack + sizeof(stack), flags | SIGCHLD, NULL)));
	FILLED(at, SLOTS * CHUNK, 2);
	EQUAL(phys_of(at), phys[0]);
	EQUAL(used_chunks(), used + 1);
	other = map_slots(fd, SLOTS, 1);
	FILLED(other, CHUNK, 3);
	WORKS(munmap(other, CHUNK));
	WORKS(punch(fd, SLOTS, 1));
}

int main(void)
{
	int round;

	fd = open_pool();
	WORKS(populate(fd, 0, SLOTS, phys));
	at = map_slots(fd, 0, SLOTS);
	for (round = 0; round < 10; round++) {
		copying_clone(0);
		copying_clone(CLONE_FILES);
		copying_clone(CLONE_FILES | CLONE_FS | CLONE_VFORK);
		sharing_clone(CLONE_VM);
		sharing_clone(CLONE_VM | CLONE_VFORK);
		sharing_clone(CLONE_VM | CLONE_FILES);
	}
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * A core dump holds the pinned heap, and empty slots do not stand in its way
 * (Faults A22).
 */
#include "guest.h"

#include <sys/resource.h>
#include <sys/stat.h>

#define CORE "/tmp/core"
#define PATTERN "/proc/sys/kernel/core_pattern"
static const char secret[] = "what the heap of the dead process held";

static void die_with_heap(void *arg)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int fd = open_pool();
	char *at;

	(void)arg;
	WORKS(setrlimit(RLIMIT_CORE, &unlimited));
	WORKS(populate(fd, 1, 2, NULL));
	at = map_slots(fd, 0, 4);
	fill(at + CHUNK, 2 * CHUNK, 1);
	memcpy(at + 2 * CHUNK + 12345, secret, sizeof(secret));
	abort();
}

static bool has_secret(const char *path)
{
	int fd = (int)WORKS(open(path, O_RDONLY));
	struct stat st;
	char *core;

	WORKS(fstat(fd, &st));
	core = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(core != MAP_FAILED);
	close(fd);
	/* At its place in a page: the program's own constant does not lie there. */
	core = memmem(core, (size_t)st.st_size, secret, sizeof(secret));
	return core && (uintptr_t)core % PAGE == (12345 % PAGE);
}

int main(void)
{
	int status;

	EQUAL(write_text(PATTERN, CORE), 0);
	EQUAL(waitpid(spawn(die_with_heap, NULL), &status, 0) > 0, 1);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && WCOREDUMP(status));
	CHECK(has_secret(CORE));
	EQUAL(write_text(PATTERN, "core"), 0);
	unlink(CORE);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * A core dump contains the pinned heap, and empty slots do not make the dump fail. Mappings without
 * memory are not dumped, nor are those that the program excludes by MADV_DONTDUMP (Faults A22,
 * C16).
 */
#include "guest.h"

#include <sys/resource.h>
#include <sys/stat.h>

#define CORE "/tmp/core"
#define PATTERN "/proc/sys/kernel/core_pattern"
/* Slots of mappings that hold no memory. */
#define EMPTY 512UL
static const char secret[] = "what the heap of the dead process held";
static const char excluded[] = "what the dead process excluded";

static void die_with_heap(void *arg)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int fd = open_pool();
	char *at;

	(void)arg;
	WORKS(setrlimit(RLIMIT_CORE, &unlimited));
	WORKS(populate(fd, 1, 2, NULL));
	WORKS(populate(fd, 4, 1, NULL));
	at = map_slots(fd, 0, 4);
	fill(at + CHUNK, 2 * CHUNK, 1);
	memcpy(at + 2 * CHUNK + 12345, secret, sizeof(secret));
	at = map_slots(fd, 4, 1);
	memcpy(at + 4321, excluded, sizeof(excluded));
	WORKS(madvise(at, CHUNK, MADV_DONTDUMP));
	map_slots(fd, 5, EMPTY);
	map_slots(fd, 5 + EMPTY, EMPTY);
	abort();
}

/* Dies in a child, which sees its parent's memory and its own writes. */
static void die_in_child(void *arg)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int fd = open_pool(), status;
	char *at = map_slots(fd, 0, 1);
	pid_t pid;

	(void)arg;
	WORKS(setrlimit(RLIMIT_CORE, &unlimited));
	WORKS(populate(fd, 0, 1, NULL));
	memcpy(at + 12345, secret, sizeof(secret));
	map_slots(fd, 5, EMPTY);
	pid = WORKS(fork());
	if (!pid) {
		at[0] = 1;
		abort();
	}
	WORKS(waitpid(pid, &status, 0));
	CHECK(WIFSIGNALED(status) && WCOREDUMP(status));
}

/*
 * Looks for @text only at offset @place of a page, where the program's own constant does not lie.
 */
static bool has_text(const char *core, size_t size, const char *text, size_t length, size_t place)
{
	const char *at = memmem(core, size, text, length);

	return at && (uintptr_t)at % PAGE == place % PAGE;
}

static void check_core(void)
{
	int fd = (int)WORKS(open(CORE, O_RDONLY));
	struct stat st;
	char *core;

	WORKS(fstat(fd, &st));
	core = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(core != MAP_FAILED);
	close(fd);
	CHECK(has_text(core, (size_t)st.st_size, secret, sizeof(secret), 12345));
	CHECK(!has_text(core, (size_t)st.st_size, excluded, sizeof(excluded), 4321));
	if ((size_t)st.st_size >= EMPTY * CHUNK)
		FAIL("the core has %lld bytes", (long long)st.st_size);
	WORKS(munmap(core, (size_t)st.st_size));
	unlink(CORE);
}

int main(void)
{
	int status;

	EQUAL(write_text(PATTERN, CORE), 0);
	EQUAL(waitpid(spawn(die_with_heap, NULL), &status, 0) > 0, 1);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && WCOREDUMP(status));
	check_core();
	ENDED_WELL(spawn(die_in_child, NULL));
	check_core();
	EQUAL(write_text(PATTERN, "core"), 0);
	return 0;
}

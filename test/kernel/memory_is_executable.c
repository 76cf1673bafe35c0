// SPDX-License-Identifier: MIT
/*
 * A just-in-time compiler can execute code in pinned memory as in anonymous memory, in the owner
 * and in a forked child, unless the administrator forbids it. Even then a program with
 * READ_IMPLIES_EXEC, which did not ask for PROT_EXEC itself, gets its mappings (Faults A10, C22).
 */
#include "guest.h"

#include <sys/personality.h>

#define PARAMETER "/sys/module/pinned_mem/parameters/allow_exec"
#define RWX (RW | PROT_EXEC)

/* A function that returns its first argument plus one. */
#if defined(__x86_64__)
static const unsigned char code[] = { 0x8d, 0x47, 0x01, 0xc3 };
#elif defined(__aarch64__)
static const unsigned int code[] = { 0x11000400, 0xd65f03c0 };
#endif

static int fd;

static void runs(char *at)
{
	int (*function)(int);

	memcpy(at, code, sizeof(code));
	__builtin___clear_cache(at, at + sizeof(code));
	memcpy(&function, &at, sizeof(function));
	EQUAL(function(41), 42);
}

static char *map_with(int protection)
{
	char *at = mmap(NULL, CHUNK, protection, MAP_SHARED, fd, 0);

	CHECK(at != MAP_FAILED);
	return at;
}

static void runs_in_child(void *at)
{
	runs((char *)at + PAGE);
}

static void allowed(void)
{
	char *at = map_with(RWX);

	runs(at);
	WORKS(mprotect(at, CHUNK, RW));
	WORKS(mprotect(at + 5 * PAGE, PAGE, RWX));
	runs(at + 5 * PAGE);
	WORKS(mprotect(at, CHUNK, RWX));
	ENDED_WELL(spawn(runs_in_child, at));
	runs(at + PAGE);
	WORKS(munmap(at, CHUNK));
}

static bool is_executable(const char *at)
{
	unsigned long start, end;
	char line[512], flags[8];
	bool is = false;
	FILE *file = fopen("/proc/self/maps", "re");

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx %7s", &start, &end, flags) == 3 &&
		    start <= (uintptr_t)at && (uintptr_t)at < end)
			is = flags[2] == 'x';
	fclose(file);
	return is;
}

static void reads_imply(void *arg)
{
	bool *is_allowed = arg;
	char *at;

	close(fd);
	fd = open_pool();
	WORKS(populate(fd, 0, 1, NULL));
	WORKS(personality(READ_IMPLIES_EXEC));
	at = map_with(RW);
	EQUAL(is_executable(at), *is_allowed);
	fill(at, CHUNK, 3);
	FILLED(at, CHUNK, 3);
}

static void with_personality(bool is_allowed)
{
	ENDED_WELL(spawn(reads_imply, &is_allowed));
}

static void forbidden(void)
{
	char *at;

	EQUAL(write_text(PARAMETER, "N"), 0);
	REFUSED(mmap(NULL, CHUNK, RWX, MAP_SHARED, fd, 0), EACCES);
	REFUSED(mmap(NULL, CHUNK, PROT_EXEC, MAP_SHARED, fd, 0), EACCES);
	at = map_with(RW);
	REFUSED(mprotect(at, CHUNK, RWX), EACCES);
	REFUSED(mprotect(at + PAGE, PAGE, PROT_READ | PROT_EXEC), EACCES);
	fill(at, CHUNK, 1);
	WORKS(munmap(at, CHUNK));
	with_personality(false);
	EQUAL(write_text(PARAMETER, "Y"), 0);
}

int main(void)
{
	fd = open_pool();
	WORKS(populate(fd, 0, 1, NULL));
	allowed();
	with_personality(true);
	forbidden();
	allowed();
	return 0;
}

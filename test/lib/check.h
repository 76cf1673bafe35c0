/* SPDX-License-Identifier: MIT */
/*
 * Checks for test programs that run as ordinary processes. A check that fails
 * prints to stderr what it expected and where, and ends the process with status
 * 1. Checks neither allocate nor use stdio streams, so that tests of malloc can
 * call them anywhere.
 */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

/* Checks that @call returns NULL and sets errno to @error. */
#define CHECK_REFUSED(call, error)       \
	do {                             \
		errno = 0;               \
		CHECK((call) == NULL);   \
		CHECK(errno == (error)); \
	} while (0)

/* Waits for the child @pid and checks that it exits with status 0. */
#define CHECK_ENDS_WELL(pid) check_ends_well(__FILE__, __LINE__, pid)

_Noreturn static inline void check_failed(const char *file, int line, const char *expected)
{
	int error = errno;

	dprintf(STDERR_FILENO, "%s:%d: expected: %s (errno %d, pid %d)\n", file, line, expected,
		error, (int)getpid());
	_exit(1);
}

static inline void check_ends_well(const char *file, int line, pid_t pid)
{
	pid_t got;
	int status;

	do
		got = waitpid(pid, &status, 0);
	while (got == -1 && errno == EINTR);
	if (pid <= 0 || got != pid || status != 0) {
		dprintf(STDERR_FILENO, "%s:%d: child %d: status %#x\n", file, line, (int)pid,
			got == pid ? (unsigned int)status : 0);
		_exit(1);
	}
}

/* Returns the resident memory of this process in KiB. */
static inline long resident_kib(void)
{
	char text[200] = "", *rest;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	/* Skip the first number, the size of all mappings; the second one is the resident size. */
	strtol(text, &rest, 10);
	return strtol(rest, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Returns @pointer, but hides from the compiler where it comes from and how it is used. */
static inline void *opaque(void *pointer)
{
	__asm__ volatile("" : "+r"(pointer) : : "memory");
	return pointer;
}

/* Returns the next number of an xorshift64* generator. @state is the seed and must not be 0. */
static inline unsigned long next_random(unsigned long *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 0x2545f4914f6cdd1dUL) >> 16;
}

#endif /* CHECK_H */

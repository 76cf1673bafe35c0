// SPDX-License-Identifier: MIT
/*
 * Protects daemons that close all descriptors, so that their next files get the numbers of
 * the shim's descriptors: allocation goes on, and the shim neither reads nor writes nor closes
 * a file of the program (Faults B10, B11).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../../lib/check.h"

#define FILES 600

static void use_heap(void)
{
	static char *objects[100];

	for (int i = 0; i < 100; i++) {
		objects[i] = malloc(i % 2 ? 1 << 20 : 100);
		CHECK(objects[i]);
		memset(objects[i], i, i % 2 ? 1 << 20 : 100);
	}
	for (int i = 0; i < 100; i++)
		free(objects[i]);
}

static void close_all(void)
{
	struct rlimit limit;

	if (!syscall(SYS_close_range, 3, ~0U, 0))
		return;
	CHECK(!getrlimit(RLIMIT_NOFILE, &limit));
	for (int fd = 3; fd < (int)limit.rlim_cur; fd++)
		close(fd);
}

static void show_low_fds(void)
{
	for (int fd = 3; fd < 100; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			dprintf(STDOUT_FILENO, "descriptor %d is open\n", fd);
}

int main(void)
{
	struct stat status;
	int fds[FILES];

	show_low_fds();
	use_heap();
	show_low_fds();
	close_all();
	for (int i = 0; i < FILES; i++) {
		fds[i] = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
		CHECK(fds[i] == 3 + i);
	}
	/* Take the high numbers too, which allocators prefer for their descriptors. */
	for (int high = 1000; high < 1024; high++)
		CHECK(dup2(fds[0], high) == high);
	use_heap();
	for (int i = 0; i < FILES; i++) {
		CHECK(!fstat(fds[i], &status) && S_ISREG(status.st_mode) && !status.st_size);
		CHECK(!close(fds[i]));
	}
	for (int high = 1000; high < 1024; high++)
		CHECK(!fstat(high, &status) && S_ISREG(status.st_mode) && !close(high));
	use_heap();
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Protects programs that give up privileges: they can still allocate in an empty root
 * directory, as another user, without new privileges, without memory that is both writable
 * and executable, and without any descriptor left; and so can their forked children (Faults
 * B7, B9, B10).
 */
#define _GNU_SOURCE
#include <grp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../../lib/check.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

#define OBJECTS 3000
#define NOBODY 65534

static char *objects[OBJECTS];

static void use_heap(unsigned int seed)
{
	unsigned long state = seed + 1;

	for (int i = 0; i < 4 * OBJECTS; i++) {
		unsigned long random = next_random(&state);
		size_t size = 1 + random / 8 % ((size_t)1 << random % 18);
		char **object = &objects[next_random(&state) % OBJECTS];

		CHECK(!*object || **object == (char)((unsigned long)*object >> 4));
		free(*object);
		*object = malloc(size);
		CHECK(*object);
		**object = (char)((unsigned long)*object >> 4);
	}
}

static void use_in_children(int generations)
{
	pid_t child;

	use_heap((unsigned int)generations);
	if (!generations)
		return;
	child = fork();
	if (child == 0) {
		use_in_children(generations - 1);
		_exit(0);
	}
	CHECK_ENDS_WELL(child);
	use_heap(100);
}

int main(void)
{
	use_heap(1);
	CHECK(!mkdir("empty", 0755) || errno == EEXIST);
	CHECK(!chroot("empty") && !chdir("/"));
	use_in_children(2);
	/* A user namespace with a single user has no other user to change to. */
	if (!setgroups(0, NULL))
		CHECK(!setgid(NOBODY) && !setuid(NOBODY));
	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!prctl(PR_SET_MDWE, 1, 0, 0, 0) || errno == EINVAL);
	use_in_children(3);
	for (int fd = 3; fd < 1100; fd++)
		close(fd);
	use_in_children(3);
	for (int i = 0; i < OBJECTS; i++)
		free(objects[i]);
	return 0;
}

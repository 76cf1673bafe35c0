// SPDX-License-Identifier: MIT
/*
 * Protects parents and children from each other: in whichever way a child is made, its writes
 * and frees do not change the parent's heap, and the child does not see what the parent writes
 * later (Faults B13, B14). This also holds if no atfork handler runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "../../lib/check.h"

#define OBJECTS 600

extern char **environ;

static struct object {
	unsigned char *bytes;
	size_t size;
} objects[OBJECTS];

static size_t size_of(int i)
{
	return i % 100 == 99 ? (3 << 20) + (size_t)i : 1 + (size_t)i * (size_t)i % 9000;
}

static void fill(struct object *object, int byte)
{
	memset(object->bytes, byte, object->size);
}

static void check_filled(const struct object *object, int byte)
{
	CHECK(object->bytes[0] == byte);
	CHECK(!memcmp(object->bytes, object->bytes + 1, object->size - 1));
}

static void create(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		objects[i].size = size_of(i);
		objects[i].bytes = malloc(objects[i].size);
		CHECK(objects[i].bytes);
		fill(&objects[i], i & 0xff);
	}
}

/*
 * Runs in the child: reads all inherited objects, overwrites them, frees half, allocates new ones.
 */
static void use_inherited(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		check_filled(&objects[i], i & 0xff);
		fill(&objects[i], 0xee);
	}
	for (int i = 0; i < OBJECTS; i += 2) {
		free(objects[i].bytes);
		objects[i].bytes = malloc(objects[i].size);
		CHECK(objects[i].bytes);
		fill(&objects[i], 0x11);
	}
	for (int i = 1; i < OBJECTS; i += 6) {
		objects[i].bytes = realloc(objects[i].bytes, objects[i].size * 3);
		CHECK(objects[i].bytes && objects[i].bytes[objects[i].size - 1] == 0xee);
	}
	for (int i = 0; i < OBJECTS; i++)
		CHECK(objects[i].bytes[0] == (i % 2 ? 0xee : 0x11));
}

static void check_parent(void)
{
	for (int i = 0; i < OBJECTS; i++)
		check_filled(&objects[i], i & 0xff);
}

static pid_t raw_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0L);
}

/* Calls _Fork(), which glibc has since 2.34. */
static pid_t bare_fork(void)
{
	pid_t (*bare)(void) = (pid_t(*)(void))dlsym(RTLD_DEFAULT, "_Fork");

	return bare ? bare() : fork();
}

static void try_child_writes(pid_t (*make_child)(void), int generations)
{
	pid_t child = make_child();

	if (child == 0) {
		if (generations > 1) /* a grandchild, before and after the child's writes */
			try_child_writes(make_child, generations - 1);
		use_inherited();
		_exit(0);
	}
	CHECK_ENDS_WELL(child);
	check_parent();
}

/*
 * The parent writes, frees and allocates first. While the parent's objects still contain other
 * bytes, the child checks what it inherited.
 */
static void try_parent_writes(pid_t (*make_child)(void))
{
	int go[2];
	char byte;
	pid_t child;

	CHECK(!pipe(go));
	child = make_child();
	if (child == 0) {
		close(go[1]);
		CHECK(read(go[0], &byte, 1) == 1);
		use_inherited();
		_exit(0);
	}
	close(go[0]);
	for (int i = 0; i < OBJECTS; i++) {
		fill(&objects[i], 0x77);
		if (i % 3 == 0) {
			free(objects[i].bytes);
			objects[i].bytes = malloc(objects[i].size);
			CHECK(objects[i].bytes);
			fill(&objects[i], 0x66);
		}
	}
	CHECK(write(go[1], "", 1) == 1);
	close(go[1]);
	CHECK_ENDS_WELL(child);
	for (int i = 0; i < OBJECTS; i++) {
		check_filled(&objects[i], i % 3 ? 0x77 : 0x66);
		fill(&objects[i], i & 0xff);
	}
}

/*
 * A vfork() child shares all memory, so an object that the child allocates is valid in the parent.
 */
static void try_vfork(void)
{
	static char *volatile made;
	pid_t child = vfork();

	if (child == 0) {
		made = malloc(1000);
		if (made)
			memset(made, 5, 1000);
		free(malloc(100000));
		_exit(made ? 0 : 1);
	}
	CHECK_ENDS_WELL(child);
	CHECK(made[0] == 5 && made[999] == 5);
	free(made);
	check_parent();
}

static void try_programs(void)
{
	char *const arguments[] = { "sh", "-c", "exit 0", NULL };
	pid_t child;

	CHECK(!posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ));
	CHECK_ENDS_WELL(child);
	CHECK(system("exit 0") == 0);
	CHECK(pclose(popen("exit 0", "r")) == 0);
	child = vfork();
	if (child == 0) {
		execv("/bin/sh", arguments);
		_exit(1);
	}
	CHECK_ENDS_WELL(child);
	check_parent();
}

int main(void)
{
	create();
	for (int round = 0; round < 3; round++) {
		try_child_writes(fork, 3);
		try_child_writes(bare_fork, 3);
		try_child_writes(raw_clone, 3);
		try_parent_writes(fork);
		try_parent_writes(bare_fork);
		try_parent_writes(raw_clone);
		try_vfork();
		try_programs();
	}
	return 0;
}

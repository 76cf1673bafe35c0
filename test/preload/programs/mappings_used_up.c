// SPDX-License-Identifier: MIT
/*
 * Protects processes that have used up vm.max_map_count: free() frees what it can, damages no
 * live object and leaves errno alone; malloc() returns memory or fails with ENOMEM; and
 * everything works again when mappings are available (Faults B29, B30).
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../../lib/check.h"

#define OBJECTS 64
#define ROUNDS 6

static char *objects[OBJECTS];

static size_t size_of(int i)
{
	return (size_t)100 << i % 17;
}

/* Returns how many bytes of object @i are written and checked. */
static size_t seen(int i)
{
	return size_of(i) < 4096 ? size_of(i) : 4096;
}

static void fill(int i)
{
	memset(objects[i], i, seen(i));
}

static void check(int i)
{
	CHECK(objects[i][0] == i && objects[i][seen(i) - 1] == i);
}

/* Returns how many mappings a process may have. */
static size_t allowed_mappings(void)
{
	char text[32] = "";
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtoul(text, NULL, 10);
}

/* Uses up mappings by pages with alternating protection. Return: the size of that area in bytes. */
static size_t use_up_mappings(char **start)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 2 * allowed_mappings() * page, at = 0;

	*start = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(*start != MAP_FAILED);
	while (at < size && !mprotect(*start + at, page, PROT_READ))
		at += 2 * page;
	CHECK(at < size && errno == ENOMEM);
	return size;
}

static void free_all(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		if (!objects[i])
			continue;
		check(i);
		errno = E2BIG;
		free(objects[i]);
		CHECK(errno == E2BIG);
		objects[i] = NULL;
	}
}

static void make_all(int may_fail)
{
	for (int i = 0; i < OBJECTS; i++) {
		if (objects[i])
			continue;
		errno = 0;
		objects[i] = malloc(size_of(i));
		if (objects[i])
			fill(i);
		else
			CHECK(may_fail && errno == ENOMEM);
	}
}

static void resize_some(void)
{
	for (int i = 0; i < OBJECTS; i += 5) {
		char *moved = objects[i] ? realloc(objects[i], 2 * size_of(i)) : NULL;

		if (moved)
			objects[i] = moved;
		if (objects[i])
			check(i);
	}
}

int main(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		char *start;
		size_t size;

		make_all(0);
		size = use_up_mappings(&start);
		resize_some();
		free_all();
		malloc_trim(0);
		make_all(1);
		free_all();
		malloc_trim(0);
		CHECK(!munmap(start, size));
	}
	make_all(0);
	free_all();
	return 0;
}

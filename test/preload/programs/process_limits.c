// SPDX-License-Identifier: MIT
/*
 * A small program that measures its own memory, or sets a limit and reaches it. The test compares
 * what the program prints with the library and without it.
 *
 * usage: process_limits idle | locked | wait | abort | as MIB | data MIB
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "../../lib/check.h"
#include "pinned.h"

#define MIB ((size_t)1 << 20)
#define OBJECTS 400

extern __typeof__(pinned_stats) pinned_stats __attribute__((weak));

static char *objects[OBJECTS];

/* Returns a field of /proc/self/status in KiB. */
static size_t status_of(const char *name)
{
	char text[4096] = "", *line;
	int fd = open("/proc/self/status", O_RDONLY);

	CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	line = strstr(text, name);
	CHECK(line);
	return strtoul(line + strlen(name), NULL, 10);
}

static size_t chunks_in_kib(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	if (!pinned_stats || pinned_stats(&stats))
		return 0;
	return stats.chunk_bytes / 1024;
}

static void tell(void)
{
	dprintf(STDOUT_FILENO, "size=%zu data=%zu rss=%zu locked=%zu chunks=%zu\n",
		status_of("VmSize:"), status_of("VmData:"), status_of("VmRSS:"),
		status_of("VmLck:"), chunks_in_kib());
}

/* Allocates up to @count objects of @size bytes. Return: how many it got. */
static size_t fill(size_t count, size_t size)
{
	size_t i = 0;

	for (; i < count; i++) {
		errno = 0;
		objects[i] = malloc(size);
		if (!objects[i])
			break;
		memset(objects[i], 1, size);
	}
	CHECK(i == count || errno == ENOMEM);
	return i;
}

static void locked(void)
{
	CHECK(fill(20, 500000) == 20);
	CHECK(!mlockall(MCL_CURRENT | MCL_FUTURE));
	tell();
	CHECK(fill(8, 500000) == 8);
	tell();
}

static void *thread(void *argument)
{
	free(malloc(100));
	return argument;
}

static void go_on(void)
{
	char *pages =
		mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attributes;
	void *library, *result;
	pthread_t id;

	CHECK(pages != MAP_FAILED);
	memset(pages, 1, 4 * MIB);
	CHECK(!munmap(pages, 4 * MIB));
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, MIB);
	CHECK(!pthread_create(&id, &attributes, thread, objects));
	CHECK(!pthread_join(id, &result) && result == objects);
	library = dlopen("libm.so.6", RTLD_NOW);
	CHECK(library);
	dlclose(library);
}

/*
 * Reaches a limit and frees half of the objects; a thread, a mapping and a library must then fit.
 */
static void meet_limit(int resource, const char *now, size_t mib)
{
	struct rlimit limit;
	size_t served;

	free(malloc(1));
	CHECK(!getrlimit(resource, &limit));
	limit.rlim_cur = status_of(now) * 1024 + mib * MIB;
	CHECK(!setrlimit(resource, &limit));
	served = fill(OBJECTS, MIB - 8192);
	errno = 0;
	CHECK(!malloc(3000 * MIB) && errno == ENOMEM);
	for (size_t i = served / 2; i < served; i++)
		free(objects[i]);
	go_on();
	CHECK(fill(served / 4, MIB - 8192) == served / 4);
	dprintf(STDOUT_FILENO, "served=%zu\n", served);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	size_t mib = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	if (!strcmp(what, "as")) {
		meet_limit(RLIMIT_AS, "VmSize:", mib);
	} else if (!strcmp(what, "data")) {
		meet_limit(RLIMIT_DATA, "VmData:", mib);
	} else if (!strcmp(what, "locked")) {
		locked();
	} else {
		CHECK(fill(2, 500000) == 2);
		tell();
		if (!strcmp(what, "abort"))
			abort();
		if (!strcmp(what, "wait"))
			pause();
	}
	return 0;
}

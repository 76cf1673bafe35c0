// SPDX-License-Identifier: MIT
/*
 * Protects the system from daemons that keep inherited memory: a program that loads its data,
 * becomes a daemon and reloads the data from time to time gives inherited memory back (Faults E20),
 * and so does a child with objects that other threads of its parent had cached. The program prints
 * nothing; the memory that it may use later is derived from its use after the data were loaded.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../lib/check.h"

#define RECORDS 60000
#define TEXTS 300
#define CACHED 4000

static void *records[2][RECORDS];
static char *texts[2][TEXTS];

#define DRIVER "/sys/class/misc/pinned_mem/"

/* Returns the private bytes of this process. */
static size_t private_memory(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[200];
	unsigned long kib = 0, sum = 0;

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Private_Dirty: %lu", &kib) == 1 ||
		    sscanf(line, "Private_Clean: %lu", &kib) == 1)
			sum += kib;
	fclose(file);
	return (size_t)sum << 10;
}

/* Returns the number in one of the driver's files; 0 without a driver. */
static size_t driver_number(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t number = 0;

	if (!file)
		return 0;
	CHECK(fscanf(file, "%zu", &number) == 1);
	fclose(file);
	return number;
}

/*
 * Returns the private memory of this process or, if that is more, all memory of the driver: on the
 * driver, a process may keep inherited memory that it has not mapped.
 */
static size_t memory(void)
{
	size_t bytes = driver_number(DRIVER "used_chunks") * driver_number(DRIVER "chunk_size") +
		       driver_number(DRIVER "snapshot_pages") * (size_t)sysconf(_SC_PAGESIZE);
	size_t private = private_memory();

	return bytes > private ? bytes : private;
}

static void load(int which)
{
	for (int i = 0; i < RECORDS; i++) {
		size_t size = 16 + (size_t)i % 1500;

		records[which][i] = malloc(size);
		CHECK(records[which][i]);
		memset(records[which][i], i, size);
	}
	for (int i = 0; i < TEXTS; i++) {
		size_t size = i % 20 ? 50000 + (size_t)i * 300 : (size_t)3 << 20;

		texts[which][i] = malloc(size);
		CHECK(texts[which][i]);
		memset(texts[which][i], i, size);
	}
}

static void unload(int which)
{
	for (int i = 0; i < RECORDS; i++)
		free(records[which][i]);
	for (int i = 0; i < TEXTS; i++)
		free(texts[which][i]);
}

static pthread_barrier_t has_cached;

static void *cache(void *unused)
{
	static void *objects[CACHED];

	for (int i = 0; i < CACHED; i++) {
		objects[i] = malloc(2000);
		memset(objects[i], 1, 2000);
	}
	for (int i = 0; i < CACHED; i++)
		free(objects[i]);
	pthread_barrier_wait(&has_cached);
	pause();
	return unused;
}

static void serve(size_t before, size_t loaded)
{
	int which = 0;

	for (int i = 0; i < 3; i++) {
		load(!which);
		unload(which);
		which = !which;
		malloc_trim(0);
		CHECK(memory() < before + loaded + loaded / 2);
	}
	unload(which);
	malloc_trim(0);
	CHECK(memory() < before + loaded / 4);
}

/*
 * Loads the data and forks the daemon. This process then ends, which closes its ends of the pipes.
 */
static void start(const int *result, const int *is_gone)
{
	size_t before = memory(), loaded;
	pthread_t thread;
	char byte = 0;

	CHECK(!pthread_barrier_init(&has_cached, NULL, 2));
	CHECK(!pthread_create(&thread, NULL, cache, NULL));
	pthread_barrier_wait(&has_cached);
	load(0);
	loaded = memory() - before;
	if (fork() != 0)
		_exit(0);
	close(is_gone[1]);
	CHECK(read(is_gone[0], &byte, 1) == 0);
	serve(before, loaded);
	CHECK(write(result[1], &byte, 1) == 1);
	_exit(0);
}

int main(void)
{
	int result[2], is_gone[2];
	char byte = 1;
	pid_t pid;

	CHECK(!pipe(result) && !pipe(is_gone));
	pid = fork();
	if (pid == 0)
		start(result, is_gone);
	close(result[1]);
	close(is_gone[1]);
	CHECK_ENDS_WELL(pid);
	CHECK(read(result[0], &byte, 1) == 1 && byte == 0);
	return 0;
}

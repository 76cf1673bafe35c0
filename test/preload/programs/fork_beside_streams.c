// SPDX-License-Identifier: MIT
/*
 * Protects programs that fork while other threads use stdio or name services: fork() does not
 * deadlock (Faults E6). getline() allocates while it holds the lock of its stream. fflush(NULL)
 * holds the lock of the list of streams while it waits for the stream's lock, and fork() takes the
 * list's lock after all handlers have run. A name service that rereads its configuration allocates
 * under its lock, which fork() takes too. An alarm kills a process that hangs.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/check.h"

#define FORKS 100
#define READERS 3

static atomic_bool is_over;

static void *read_lines(void *name)
{
	while (!is_over) {
		FILE *stream = fopen(name, "r");
		char *line = NULL;
		size_t size = 0;

		CHECK(stream);
		while (getline(&line, &size, stream) > 0) {
			free(line);
			line = NULL;
			size = 0;
		}
		free(line);
		fclose(stream);
	}
	return NULL;
}

static void *flush_all(void *unused)
{
	while (!is_over)
		fflush(NULL);
	return unused;
}

static void *look_up(void *unused)
{
	while (!is_over) {
		CHECK(getpwuid(0));
		CHECK(getgrgid(0));
		getservbyname("nothing-of-this-name", "tcp");
		endpwent();
		endgrent();
	}
	return unused;
}

static void write_lines(const char *name)
{
	FILE *stream = fopen(name, "w");

	CHECK(stream);
	/* Long lines, so that the buffer cannot come from a thread's cache. */
	for (int i = 0; i < 20; i++)
		fprintf(stream, "%*d\n", 40000 << i % 5, i);
	CHECK(!fclose(stream));
}

int main(void)
{
	char name[] = "lines";
	pthread_t threads[READERS + 2];
	int count = 0;

	write_lines(name);
	for (; count < READERS; count++)
		CHECK(!pthread_create(&threads[count], NULL, read_lines, name));
	CHECK(!pthread_create(&threads[count++], NULL, flush_all, NULL));
	CHECK(!pthread_create(&threads[count++], NULL, look_up, NULL));
	for (int i = 0; i < FORKS; i++) {
		pid_t pid;

		alarm(60);
		pid = fork();
		if (pid == 0) {
			char *line = malloc(100);

			CHECK(line);
			free(line);
			fflush(NULL);
			_exit(0);
		}
		CHECK_ENDS_WELL(pid);
	}
	is_over = true;
	for (int i = 0; i < count; i++)
		CHECK(!pthread_join(threads[i], NULL));
	return 0;
}

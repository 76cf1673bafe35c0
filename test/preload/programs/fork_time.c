// SPDX-License-Identifier: MIT
/*
 * Prints the median time of many fork() calls in microseconds, while another thread allocates and
 * frees 400 MiB all the time. That thread touches hardly any page, so that the time for copying
 * page tables does not count.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "../../lib/check.h"

#define FORKS 41
#define SIZE ((size_t)400 << 20)

static atomic_bool is_over;
static atomic_int rounds;

static void *allocate(void *unused)
{
	while (!is_over) {
		char *object = malloc(SIZE);

		CHECK(object);
		object[0] = 1;
		free(object);
		rounds++;
	}
	return unused;
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static long time_fork(void)
{
	long before = now(), after;
	pid_t pid = fork();

	after = now();
	if (pid == 0)
		_exit(0);
	CHECK_ENDS_WELL(pid);
	return after - before;
}

static int compare(const void *a, const void *b)
{
	long first = *(const long *)a, second = *(const long *)b;

	return (first > second) - (first < second);
}

int main(void)
{
	long times[FORKS];
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, allocate, NULL));
	while (!rounds)
		sched_yield();
	for (int i = 0; i < FORKS; i++)
		times[i] = time_fork();
	is_over = true;
	CHECK(!pthread_join(thread, NULL));
	qsort(times, FORKS, sizeof(*times), compare);
	printf("%ld\n", times[FORKS / 2]);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Protects programs that fork while other threads allocate: a child, which has only the
 * forking thread, never hangs on a lock that another thread of its parent held (Faults B12).
 * Each child allocates and frees what it inherited; an alarm kills a child that hangs.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../lib/check.h"

#define CHURNERS 4
#define FORKERS 2
#define FORKS 60
#define INHERITED 300

static atomic_bool is_over;

static void *churn(void *seed)
{
	unsigned long state = (uintptr_t)seed;
	void *objects[64] = { 0 };

	while (!is_over) {
		unsigned long random = next_random(&state);
		size_t size = random % 50 ? random % 3000 + 1 : random % (5 << 20) + 1;

		free(objects[random % 64]);
		objects[random % 64] = malloc(size);
	}
	for (int i = 0; i < 64; i++)
		free(objects[i]);
	return NULL;
}

static void child(void **inherited)
{
	void *own[200];

	alarm(30);
	for (int i = 0; i < 200; i++)
		own[i] = calloc(1, (size_t)i * 97 + 1);
	for (int i = 0; i < INHERITED; i++) {
		CHECK(*(int *)inherited[i] == i);
		if (i % 3)
			free(inherited[i]);
		else
			CHECK(realloc(inherited[i], 20000) != NULL);
	}
	for (int i = 0; i < 200; i++)
		free(own[i]);
	free(malloc(10 << 20));
}

static void *fork_many(void *unused)
{
	void *inherited[INHERITED];

	for (int i = 0; i < INHERITED; i++) {
		inherited[i] = malloc(i % 100 ? (size_t)i * 31 + sizeof(int) : 3 << 20);
		*(int *)inherited[i] = i;
	}
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			child(inherited);
			_exit(0);
		}
		CHECK_ENDS_WELL(pid);
	}
	for (int i = 0; i < INHERITED; i++) {
		CHECK(*(int *)inherited[i] == i);
		free(inherited[i]);
	}
	return unused;
}

int main(void)
{
	pthread_t churners[CHURNERS], forkers[FORKERS];

	for (uintptr_t i = 0; i < CHURNERS; i++)
		CHECK(!pthread_create(&churners[i], NULL, churn, (void *)(i + 1)));
	for (int i = 0; i < FORKERS; i++)
		CHECK(!pthread_create(&forkers[i], NULL, fork_many, NULL));
	for (int i = 0; i < FORKERS; i++)
		CHECK(!pthread_join(forkers[i], NULL));
	is_over = true;
	for (int i = 0; i < CHURNERS; i++)
		CHECK(!pthread_join(churners[i], NULL));
	return 0;
}

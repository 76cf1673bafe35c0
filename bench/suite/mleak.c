// SPDX-License-Identifier: MIT
/*
 * Starts short-lived threads, a few at a time. Each makes a few allocations and leaves some objects
 * to be freed after it has ended: how much does a thread's first malloc cost, and is the memory of
 * ended threads reused?
 */
#include "workload.h"

#define AT_ONCE 4
#define OBJECTS 100

static void *live_briefly(void *arg)
{
	void **left = arg;
	uint64_t random = random_seed((size_t)arg);
	void *own[OBJECTS];

	for (size_t i = 0; i < OBJECTS; i++)
		own[i] = take(random_size(&random, 16, 8));
	for (size_t i = 0; i < OBJECTS; i++) {
		if (i % 5)
			free(own[i]);
		else
			left[i / 5] = own[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	void *left[AT_ONCE][OBJECTS / 5];
	size_t lives = amount(argc, argv, 5000);

	for (size_t life = 0; life < lives; life++) {
		run_threads(AT_ONCE, live_briefly, left, sizeof(left[0]));
		for (size_t i = 0; i < AT_ONCE; i++)
			for (size_t k = 0; k < OBJECTS / 5; k++)
				free(left[i][k]);
	}
	return 0;
}

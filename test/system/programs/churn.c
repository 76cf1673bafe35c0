// SPDX-License-Identifier: MIT
/*
 * An example of a user's own program: two threads allocate and free objects of all sizes forever,
 * and check each object before they free it. If an object's content has changed, the program ends
 * by abort(). After SIGTERM it exits with status 0.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OBJECTS 512

static size_t next_size(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return 1 + ((*seed >> 33) & ((1u << (4 + (*seed >> 60))) - 1));
}

static void replace(unsigned char **object, size_t *size, uint64_t *seed)
{
	for (size_t i = 0; i < *size; i++)
		if ((*object)[i] != (unsigned char)(*size * 31))
			abort();
	free(*object);
	*size = next_size(seed);
	*object = malloc(*size);
	if (!*object)
		abort();
	memset(*object, (unsigned char)(*size * 31), *size);
}

static void *churn(void *arg)
{
	static const struct timespec pause = { .tv_nsec = 100000000 };
	uint64_t seed = (uintptr_t)arg;
	unsigned char *objects[OBJECTS] = { 0 };
	size_t sizes[OBJECTS] = { 0 };

	/* Works on a few objects at a time, so that the machine has time for other programs. */
	for (size_t i = 0;; i = (i + 1) % OBJECTS) {
		replace(&objects[i], &sizes[i], &seed);
		if (i % 16 == 0)
			nanosleep(&pause, NULL);
	}
	return NULL;
}

int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, churn, (void *)1))
		return 1;
	churn((void *)2);
}

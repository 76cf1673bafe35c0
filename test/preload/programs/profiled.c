// SPDX-License-Identifier: MIT
/*
 * Call sites with known shares of the live bytes: alpha has 6 MB, beta 3 MB and gamma 1 MB;
 * delta's objects are freed again. With an argument the program then writes its profile to
 * descriptor 3 and idles until its input ends. With the argument "fork", a forked child does
 * so too.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/check.h"

#define SITE __attribute__((noinline, noclone))

static void *kept[20000];
static size_t count;

static SITE void keep(void *object)
{
	CHECK(object);
	kept[count++] = opaque(object);
}

SITE void alpha(void)
{
	for (int i = 0; i < 6000; i++)
		keep(malloc(1000));
}

SITE void beta(void)
{
	for (int i = 0; i < 25; i++)
		keep(calloc(1, 120000));
}

SITE void gamma_site(void)
{
	for (int i = 0; i < 5000; i++)
		keep(realloc(malloc(10), 200));
}

/* Allocates objects that another thread frees. */
SITE void delta(void)
{
	for (int i = 0; i < 2000; i++)
		keep(malloc(4000));
	keep(malloc(12 << 20));
}

static void *free_all_of_delta(void *first)
{
	while (count > (size_t)first)
		free(kept[--count]);
	return NULL;
}

static void finish(const char *how)
{
	int (*dump)(int fd) = (int (*)(int))dlsym(RTLD_DEFAULT, "pinned_profile_dump");
	pid_t child = strcmp(how, "fork") ? 0 : fork();
	char byte;

	CHECK(child >= 0);
	if (child) {
		CHECK_ENDS_WELL(child);
	} else {
		CHECK(dump && dump(3) == 0);
		CHECK(write(4, "x", 1) == 1);
		CHECK(read(STDIN_FILENO, &byte, 1) == 0);
	}
}

int main(int argc, char **argv)
{
	pthread_t thread;
	size_t first;

	alpha();
	beta();
	gamma_site();
	first = count;
	delta();
	CHECK(!pthread_create(&thread, NULL, free_all_of_delta, (void *)first));
	CHECK(!pthread_join(thread, NULL));
	if (argc > 1)
		finish(argv[1]);
	return 0;
}

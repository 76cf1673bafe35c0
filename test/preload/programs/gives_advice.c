// SPDX-License-Identifier: MIT
/*
 * Calls madvise(MADV_DONTNEED) on pages of malloc's memory, in the parent and in a forked child,
 * and checks that these pages are zero and the data around them unchanged. Prints the errors of
 * wrong calls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define PAGES 1500UL

static unsigned char *pages;

static void die(const char *what, size_t at)
{
	printf("%s, byte %#zx: %d\n", what, at, pages[at]);
	exit(1);
}

static void discard(size_t first, size_t count, size_t length)
{
	memset(pages, 7, PAGES * PAGE);
	if (madvise(pages + first * PAGE, length, MADV_DONTNEED))
		die(strerror(errno), first * PAGE);
	for (size_t i = 0; i < PAGES * PAGE; i++) {
		int is_discarded = i / PAGE >= first && i / PAGE < first + count;

		if (pages[i] != (is_discarded ? 0 : 7))
			die("not as it should be", i);
	}
}

static void discard_some(void)
{
	discard(0, 1, PAGE);
	discard(3, 2, PAGE + 1);
	discard(100, 700, 700 * PAGE);
	discard(0, PAGES, PAGES * PAGE);
	discard(5, 0, 0);
}

static void answer(const char *what, int result)
{
	printf("%s: %s\n", what, result ? strerror(errno) : "yes");
}

int main(void)
{
	unsigned char *object = malloc((PAGES + 1) * PAGE);
	int status;

	pages = (unsigned char *)(((uintptr_t)object + PAGE - 1) & ~(PAGE - 1));
	discard_some();
	if (!fork()) {
		discard_some();
		_exit(0);
	}
	memset(pages, 9, PAGE);
	if (wait(&status) < 0 || status)
		return 1;
	if (pages[0] != 9)
		die("the child's advice reached the parent", 0);
	answer("not a page's beginning", madvise(pages + 1, PAGE, MADV_DONTNEED));
	answer("no advice", madvise(pages, PAGE, 12345));
	answer("nothing mapped", madvise((void *)PAGE, PAGE, MADV_DONTNEED));
	answer("random access", madvise(pages, PAGE, MADV_RANDOM));
	free(object);
	return 0;
}

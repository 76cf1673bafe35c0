// SPDX-License-Identifier: MIT
/*
 * Allocates what is known beforehand, writes its own figures to descriptor 3 and
 * the address of an object to its output, and idles until its input ends.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../lib/check.h"

static void *allocate(size_t size)
{
	void *object = opaque(malloc(size));

	CHECK(object);
	/* Mapped, so that the page tables know it too. */
	*(char *)object = 1;
	return object;
}

int main(void)
{
	int (*dump)(int fd) = (int (*)(int))dlsym(RTLD_DEFAULT, "pinned_dump");
	static void *small[4000];
	char byte;

	for (int i = 0; i < 4000; i++)
		small[i] = allocate(1000);
	for (int i = 0; i < 1000; i++)
		free(small[i]);
	for (int i = 0; i < 10; i++)
		allocate(100000);
	allocate(9 << 20);
	dprintf(STDOUT_FILENO, "%p\n", small[3999]);
	CHECK(!dump || dump(3) == 0);
	CHECK(write(4, "x", 1) == 1);
	CHECK(read(STDIN_FILENO, &byte, 1) == 0);
	return 0;
}

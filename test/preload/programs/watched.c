// SPDX-License-Identifier: MIT
/*
 * Allocates objects of known sizes, writes its own statistics to descriptor 3 and the address
 * of an object to its output, and idles until its input ends.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../lib/check.h"
#include "pinned.h"

/* The program is not linked to the library; the shim defines these functions. */
#pragma weak pinned_owns
#pragma weak pinned_heap_create
#pragma weak pinned_heap_malloc
#pragma weak pinned_chunks_alloc
#pragma weak pinned_retain

static void *allocate(size_t size)
{
	void *object = opaque(malloc(size));

	CHECK(object);
	/* Touch the object, so that it is in the page tables too. */
	*(char *)object = 1;
	return object;
}

/*
 * On pinned memory: makes a heap with a limit, raw chunks in it, and a freed but retained object.
 */
static void use_more(void)
{
	const struct pinned_heap_options options = { .size = sizeof(options), .limit = 64 << 20 };
	struct pinned_heap *heap = pinned_heap_create(&options);
	void *retained = allocate(3000);

	CHECK(heap);
	for (int i = 0; i < 100; i++)
		CHECK(pinned_heap_malloc(heap, 64));
	CHECK(pinned_heap_malloc(heap, 50000));
	CHECK(pinned_chunks_alloc(heap, 3, PINNED_CHUNK_SIZE, 0, NULL, NULL));
	CHECK(pinned_retain(retained) == 0);
	free(retained);
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
	if (pinned_owns && pinned_owns(small[3999]))
		use_more();
	dprintf(STDOUT_FILENO, "%p\n", small[3999]);
	CHECK(!dump || dump(3) == 0);
	CHECK(write(4, "x", 1) == 1);
	CHECK(read(STDIN_FILENO, &byte, 1) == 0);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Protects programs that open libraries late: a library that is opened and closed again, with
 * and without RTLD_DEEPBIND; one in a namespace of its own, whose libc has a heap of its own;
 * and the shim itself, opened by a program that was started without the shim (Faults B2, B25).
 * Compiled with -DLIBRARY, this file is the library.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/check.h"

#ifdef LIBRARY

static char *kept;

__attribute__((constructor)) static void arrive(void)
{
	kept = calloc(1, 3 << 20);
}

__attribute__((destructor)) static void leave(void)
{
	free(kept);
}

char *make(size_t size);
void take(void *object);

char *make(size_t size)
{
	char *object = malloc(size);

	if (object)
		memset(object, 4, size);
	return object;
}

void take(void *object)
{
	free(object);
}

#else

struct library {
	void *handle;
	char *(*make)(size_t size);
	void (*take)(void *object);
};

static struct library find(void *handle)
{
	struct library library = { .handle = handle };

	if (!handle)
		dprintf(STDERR_FILENO, "%s\n", dlerror());
	CHECK(handle);
	library.make = (char *(*)(size_t))dlsym(handle, "make");
	library.take = (void (*)(void *))dlsym(handle, "take");
	CHECK(library.make && library.take);
	return library;
}

static void use_ordinary(void)
{
	struct library library = find(dlopen("./liblate.so", RTLD_NOW));
	char *objects[100];

	for (int i = 0; i < 100; i++) {
		objects[i] = library.make((size_t)i * i * 11 + 1);
		CHECK(objects[i] && objects[i][i * i * 11] == 4);
		library.take(realloc(malloc(10), (size_t)i * 1000 + 1));
	}
	CHECK(!dlclose(library.handle));
	for (int i = 0; i < 100; i++)
		free(objects[i]);
}

/* Uses a library whose malloc is not the program's. The library frees what it allocated. */
static void use_secluded(void *handle)
{
	struct library library = find(handle);

	for (int i = 1; i < 100; i++) {
		char *object = library.make((size_t)i * 1000);

		CHECK(object && object[i * 1000 - 1] == 4);
		library.take(object);
	}
	CHECK(!dlclose(library.handle));
}

static void open_shim(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW);
	void *(*other)(size_t) = handle ? (void *(*)(size_t))dlsym(handle, "malloc") : NULL;
	void (*other_free)(void *) = handle ? (void (*)(void *))dlsym(handle, "free") : NULL;

	if (!handle)
		dprintf(STDERR_FILENO, "%s\n", dlerror());
	CHECK(other && other_free);
	other_free(other(1000));
	free(malloc(1000));
	CHECK(!dlclose(handle));
	free(malloc(1000));
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		open_shim(argv[1]);
		return 0;
	}
	for (int i = 0; i < 20; i++) {
		use_ordinary();
		use_secluded(dlopen("./liblate.so", RTLD_NOW | RTLD_DEEPBIND));
	}
	use_secluded(dlmopen(LM_ID_NEWLM, "./liblate.so", RTLD_NOW));
	return 0;
}

#endif

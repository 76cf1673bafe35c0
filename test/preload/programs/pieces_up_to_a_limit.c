// SPDX-License-Identifier: MIT
/*
 * Twice allocates 64 MiB in pieces of the given size, checks their content and frees them. Prints
 * how many pieces it got, and whether it got as many again. realloc() to a smaller size succeeds
 * when no memory is left, and when the other pieces are libc's (Faults B33).
 */
#include <stdlib.h>

#include "../../lib/check.h"

#define TOTAL ((size_t)64 << 20)

static size_t take(unsigned char **objects, size_t wanted, size_t size)
{
	size_t got = 0;

	errno = 0;
	while (got < wanted && (objects[got] = malloc(size))) {
		memset(objects[got], (int)got, size);
		got++;
	}
	CHECK(got == wanted || errno == ENOMEM);
	if (got < wanted) {
		CHECK_REFUSED(calloc(1, size), ENOMEM);
		CHECK_REFUSED(realloc(opaque(NULL), size), ENOMEM);
		CHECK(got == 0 || objects[0][size - 1] == 0);
	}
	return got;
}

static void give(unsigned char **objects, size_t got, size_t size)
{
	for (size_t i = 0; i < got; i++) {
		CHECK(objects[i][0] == (i & 0xff) && objects[i][size - 1] == (i & 0xff));
		free(objects[i]);
	}
}

/* Makes the object smaller, which programs do not expect to fail. */
static char *shrink(char *object, size_t size)
{
	size_t kept = size / 3 + 1;

	if (!object)
		return NULL;
	memset(object, 'x', size);
	for (int i = 999; i >= 0; i--) {
		size_t some = kept + (size_t)i % 7;

		object = realloc(object, some < size ? some : size);
		CHECK(object && object[0] == 'x' && object[kept - 1] == 'x');
	}
	return object;
}

int main(int argc, char **argv)
{
	static unsigned char *objects[TOTAL / 100];
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 0) : 1 << 20;
	size_t wanted = TOTAL / size, first, second;
	char *shrunk = malloc(size);

	first = take(objects, wanted, size);
	shrunk = shrink(shrunk, size);
	give(objects, first, size);
	free(shrunk);
	second = take(objects, wanted, size);
	give(objects, second, size);
	dprintf(STDOUT_FILENO, "%s %s\n",
		first == wanted ? "all"
		: first		? "some"
				: "none",
		second >= first ? "again" : "fewer");
	return 0;
}

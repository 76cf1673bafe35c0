// SPDX-License-Identifier: MIT
/*
 * Takes 64 MiB in pieces of the size given, says how many it got, checks that
 * they keep what was written and gives them back; then once more (Faults B33).
 */
#include <stdlib.h>

#include "../lib/check.h"

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

int main(int argc, char **argv)
{
	static unsigned char *objects[TOTAL / 100];
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 0) : 1 << 20;
	size_t wanted = TOTAL / size, first, second;

	first = take(objects, wanted, size);
	give(objects, first, size);
	second = take(objects, wanted, size);
	give(objects, second, size);
	dprintf(STDOUT_FILENO, "%s %s\n",
		first == wanted ? "all"
		: first		? "some"
				: "none",
		second >= first ? "again" : "fewer");
	return 0;
}

// SPDX-License-Identifier: MIT
/* Allocates objects of random sizes from a pinned jemalloc arena, and shows where they lie. */
#include <jemalloc/jemalloc.h>
#include <stdio.h>
#include <string.h>

#include "../common/pagemap.h"
#include "pinned_arena.h"

#define OBJECTS 500

static char *objects[OBJECTS];

static int try_objects(const struct pinned_arena *arena)
{
	int flags = MALLOCX_ARENA(arena->index) | MALLOCX_TCACHE_NONE;
	unsigned int seed = 1;
	int bad = 0;

	for (int round = 0; round < 20 * OBJECTS; round++) {
		int i = rand_r(&seed) % OBJECTS;
		size_t size = 1 + (size_t)rand_r(&seed) % (round % 50 ? 10000 : 3000000);

		if (objects[i])
			dallocx(objects[i], flags);
		objects[i] = mallocx(size, flags);
		if (!objects[i])
			return 1;
		memset(objects[i], i, size);
		bad += !translates(objects[i]) || !translates(objects[i] + size - 1);
	}
	for (int i = 0; i < OBJECTS; i++)
		bad += objects[i] && *objects[i] != (char)i;
	return bad;
}

int main(void)
{
	struct pinned_arena arena;
	int err = pinned_arena_create(&arena, NULL);
	int bad;

	if (err) {
		fprintf(stderr, "try: no arena: %s\n", strerror(err));
		return 1;
	}
	bad = try_objects(&arena);
	printf("jemalloc: backend=%s object=%p phys=0x%llx wrong=%d\n", pinned_backend(),
	       (void *)objects[0], (unsigned long long)pinned_v2p(objects[0]), bad);
	pinned_arena_destroy(&arena);
	bad += pinned_v2p(objects[0]) != PINNED_NO_PHYS || pinned_owns(objects[0]);
	return bad != 0;
}

// SPDX-License-Identifier: MIT
/*
 * Protects users who select another memory type for a program by its configuration: malloc's heap
 * is of that type, works, and translates addresses.
 */
#include "guest.h"
#include "pinned.h"

static void uses(void *type)
{
	static const size_t sizes[] = { 100, 50000, 5 << 20 };
	char conf[64];

	snprintf(conf, sizeof(conf), "backend:device,memory:%s", (char *)type);
	WORKS(setenv("PINNED_CONF", conf, 1));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char *object = pinned_malloc(sizes[i]);

		CHECK(object);
		fill(object, sizes[i], i + 1);
		FILLED(object, sizes[i], i + 1);
		EQUAL(pinned_v2p(object), phys_of(object));
		pinned_free(object);
	}
	CHECK(!strcmp(pinned_backend(), "device"));
	CHECK(pools_of_type(type));
}

int main(void)
{
	static char *const types[] = { "coherent", "uncached", "write-combine", "cached" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		ENDED_WELL(spawn(uses, types[i]));
	COMES_TO_USE(0);
	return 0;
}

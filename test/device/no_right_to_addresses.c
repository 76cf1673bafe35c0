// SPDX-License-Identifier: MIT
/*
 * Protects programs where only CAP_SYS_RAWIO may learn physical addresses (strict_phys): other
 * programs get pinned memory as always, which kernel drivers can use, and the library reports no
 * address of it, neither a guessed nor an outdated one (Faults B35).
 */

#include "guest.h"
#include "pinned.h"

#define STRICT "/sys/module/pinned_mem/parameters/strict_phys"

static void has_memory(bool may_learn, struct pinned_heap *heap, size_t size)
{
	char *object = pinned_heap_malloc(heap, size);
	struct pinned_extent extents[8];

	CHECK(object);
	memset(object, 0x5a, size);
	EQUAL(pinned_v2p(object) != PINNED_NO_PHYS, may_learn);
	EQUAL(pinned_v2p_sg(object, size, extents, 8) > 0, may_learn);
	CHECK(pinned_owns(object));
	pinned_free(object);
}

static void has_raw_chunks(bool may_learn)
{
	struct pinned_extent extents[2];
	size_t count = 2;
	char *run = pinned_chunks_alloc(NULL, 2, CHUNK, PINNED_CHUNKS_CONTIGUOUS, extents, &count);

	CHECK(run);
	EQUAL(count, may_learn ? 1 : 0);
	WORKS(pinned_chunks_free(run, 2));
}

static void as_nobody(void *may_learn)
{
	struct pinned_heap_options options = { .size = sizeof(options),
					       .flags = PINNED_HEAP_CONTIGUOUS };
	struct pinned_heap *runs;

	WORKS(setgid(65534));
	WORKS(setuid(65534));
	WORKS(setenv("PINNED_CONF", "backend:device,decay_ms:0", 1));
	has_memory(may_learn, NULL, 100);
	has_memory(may_learn, NULL, 3 * CHUNK);
	runs = pinned_heap_create(&options);
	CHECK(runs);
	has_memory(may_learn, runs, 2 * CHUNK);
	has_raw_chunks(may_learn);
	WORKS(pinned_heap_destroy(runs));
}

int main(void)
{
	/* Grants access, as an installed system does for the group pinned. */
	let_everybody_open(true);
	ENDED_WELL(spawn(as_nobody, (void *)true));
	WORKS(write_text(STRICT, "1"));
	ENDED_WELL(spawn(as_nobody, NULL));
	WORKS(write_text(STRICT, "0"));
	let_everybody_open(false);
	EQUAL(used_chunks(), 0);
	return 0;
}

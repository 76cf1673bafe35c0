// SPDX-License-Identifier: MIT
/*
 * Protects users to whom the driver tells no physical addresses (strict_phys): their heap is
 * the driver's memory all the same, runs of chunks too, and each translation says that there is none.
 */
#include "guest.h"
#include "pinned.h"

#include <sys/stat.h>

#define STRICT_FILE "/sys/module/pinned_mem/parameters/strict_phys"
#define USER 1000

static void use_heap(void *arg)
{
	struct pinned_extent extent;
	size_t count = 1;
	char *object, *run;

	(void)arg;
	WORKS(setuid(USER));
	object = pinned_malloc(5 * CHUNK);
	CHECK(object && !strcmp(pinned_backend(), "device"));
	fill(object, 5 * CHUNK, 1);
	FILLED(object, 5 * CHUNK, 1);
	EQUAL(pinned_v2p(object), PINNED_NO_PHYS);
	REFUSED(pinned_v2p_sg(object, 100, &extent, 1), EFAULT);
	run = pinned_chunks_alloc(NULL, 2, CHUNK, PINNED_CHUNKS_CONTIGUOUS, &extent, &count);
	CHECK(run);
	EQUAL(count, 0);
	EQUAL(pinned_v2p(run + CHUNK), PINNED_NO_PHYS);
	WORKS(pinned_chunks_free(run, 2));
	pinned_free(object);
	CHECK(pinned_purge() >= 7 * CHUNK);
}

int main(void)
{
	WORKS(chmod(PINNED_MEM_DEVICE, 0666));
	WORKS(write_text(STRICT_FILE, "1"));
	ENDED_WELL(spawn(use_heap, NULL));
	WORKS(write_text(STRICT_FILE, "0"));
	WORKS(chmod(PINNED_MEM_DEVICE, 0660));
	return 0;
}

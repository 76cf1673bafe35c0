// SPDX-License-Identifier: MIT
/*
 * Protects devices that get one address for a whole buffer: an object of up to a chunk is one
 * physical run, and so is an object of several chunks in a heap of contiguous memory. A user of the
 * device needs no further right to learn this.
 */
#include "guest.h"
#include "pinned.h"

static void is_one_run(char *object, size_t size)
{
	struct pinned_extent extents[4];

	fill(object, size, size);
	EQUAL(pinned_v2p_sg(object, size, extents, 4), 1);
	EQUAL(extents[0].len, size);
	for (size_t at = 0; at < size; at += PAGE)
		EQUAL(pinned_v2p(object + at), extents[0].phys + at);
	CHECK(pinned_p2v(extents[0].phys + size - 1) == object + size - 1);
	FILLED(object, size, size);
}

/* Memory may be so fragmented that there is no such run. */
static void several_chunks(size_t chunks)
{
	struct pinned_heap_options options = { .size = sizeof(options),
					       .flags = PINNED_HEAP_CONTIGUOUS };
	struct pinned_heap *heap = pinned_heap_create(&options);
	char *object;

	CHECK(heap);
	object = pinned_heap_malloc(heap, chunks * CHUNK);
	if (object)
		is_one_run(object, chunks * CHUNK);
	else
		EQUAL(errno, ENOMEM);
	WORKS(pinned_heap_destroy(heap));
}

int main(void)
{
	int fd = open_pool();

	if (!(info_of(fd).features & PINNED_MEM_FEATURE_PHYS))
		test_skip("only CAP_SYS_RAWIO learns physical addresses here (strict_phys)");
	for (size_t size = 64; size <= CHUNK; size *= 4) {
		char *object = pinned_malloc(size);

		CHECK(object);
		is_one_run(object, size);
		pinned_free(object);
	}
	several_chunks(2);
	several_chunks(4);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * mimalloc on pinned memory: mimalloc manages a run of raw chunks as an arena, and a heap allocates
 * only from that arena. mimalloc never releases an arena.
 */
#include <mimalloc.h>
#include <stdio.h>
#include <string.h>

#include "../common/pagemap.h"

#define ARENA_SIZE ((size_t)128 << 20)
/* At least the alignment of mimalloc's segments. */
#define ARENA_ALIGNMENT ((size_t)64 << 20)

#define OBJECTS 500

/*
 * Creates the arena and its heap. The arena is exclusive: only this heap allocates from it.
 * mimalloc calls pinned memory "large", and does not reset or decommit such memory.
 */
static mi_heap_t *make_heap(void)
{
	mi_arena_id_t id;
	void *chunks = pinned_chunks_alloc(NULL, ARENA_SIZE / PINNED_CHUNK_SIZE, ARENA_ALIGNMENT,
					   PINNED_CHUNKS_ZEROED, NULL, NULL);

	if (!chunks || !mi_manage_os_memory_ex(chunks, ARENA_SIZE, true, true, true, -1, true, &id))
		return NULL;
	return mi_heap_new_in_arena(id);
}

static int try_objects(mi_heap_t *heap, char **objects)
{
	unsigned int seed = 1;
	int bad = 0;

	for (int round = 0; round < 20 * OBJECTS; round++) {
		int i = rand_r(&seed) % OBJECTS;
		size_t size = 1 + (size_t)rand_r(&seed) % (round % 50 ? 10000 : 1000000);

		mi_free(objects[i]);
		objects[i] = mi_heap_malloc(heap, size);
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
	static char *objects[OBJECTS];
	mi_heap_t *heap = make_heap();
	int bad;

	if (!heap) {
		perror("try: no arena");
		return 1;
	}
	bad = try_objects(heap, objects);
	printf("mimalloc: backend=%s object=%p phys=0x%llx wrong=%d\n", pinned_backend(),
	       (void *)objects[0], (unsigned long long)pinned_v2p(objects[0]), bad);
	return bad != 0;
}

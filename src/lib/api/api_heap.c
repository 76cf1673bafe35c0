// SPDX-License-Identifier: MIT
/* The public functions of heaps. They check arguments, call the rooms below, and set errno. */
#include <string.h>

#include "front/alloc.h"
#include "front/heaps.h"
#include "front/runtime.h"
#include "os/errno.h"
#include "os/sized.h"
#include "pinned.h"

#define KNOWN_FLAGS (PINNED_HEAP_NODE | PINNED_HEAP_CONTIGUOUS)

static bool are_sound(const struct pinned_heap_options *options)
{
	return !options->reserved && !(options->flags & ~KNOWN_FLAGS) &&
	       options->memory_type <= PINNED_MEMORY_CACHED &&
	       (!(options->flags & PINNED_HEAP_NODE) || options->node >= 0) &&
	       (!options->max_phys || options->max_phys >= PN_CHUNK_SIZE - 1);
}

/*
 * Copies the caller's options into *known, zeros if there are none, and checks them. Return: 0,
 * EINVAL or E2BIG, as pinned_heap_create().
 */
static int read_options(const struct pinned_heap_options *options,
			struct pinned_heap_options *known)
{
	int err = 0;

	*known = (struct pinned_heap_options){ 0 };
	if (options)
		err = pn_sized_read(known, sizeof(*known), options,
				    PN_SIZE_UP_TO(struct pinned_heap_options, limit));
	return err ? err : are_sound(known) ? 0 : EINVAL;
}

/* How many idle chunks a heap may keep that the program has created; the default of the key idle. */
#define IDLE_CHUNKS 4

static struct pn_heap_options translate(const struct pinned_heap_options *options,
					const struct pn_config *config)
{
	return (struct pn_heap_options){
		.memory = {
			.type = options->memory_type,
			.node = options->flags & PINNED_HEAP_NODE ? options->node : config->node,
			.max_phys = options->max_phys ? options->max_phys : PN_PHYS_UNKNOWN,
		},
		.limit_chunks = options->limit ? options->limit / PN_CHUNK_SIZE : UINT64_MAX,
		.decay_ms = config->decay_ms,
		.idle_chunks = IDLE_CHUNKS,
		.contiguous_chunks = options->flags & PINNED_HEAP_CONTIGUOUS ? 1 : 0,
	};
}

struct pinned_heap *pinned_heap_create(const struct pinned_heap_options *options)
{
	const struct pn_runtime *runtime = pn_runtime_enter();
	struct pinned_heap_options known;
	struct pn_heap_options wanted;
	struct pn_heap *heap = NULL;
	int err = read_options(options, &known);

	if (!err)
		err = runtime->error;
	if (!err) {
		wanted = translate(&known, &runtime->config);
		err = pn_heaps_create(&wanted, &heap);
	}
	if (err)
		errno = err;
	return err ? NULL : (struct pinned_heap *)(void *)heap;
}

int pinned_heap_destroy(struct pinned_heap *heap)
{
	int err = 0;

	if (heap) {
		pn_runtime_enter();
		err = pn_heaps_destroy(pn_heaps_of(heap));
	}
	return pn_result(err);
}

void *pinned_heap_malloc(struct pinned_heap *heap, size_t size)
{
	bool is_zeroed;

	if (!heap)
		return pinned_malloc(size);
	return pn_result_object(pn_alloc_in(pn_heaps_of(heap), 1, size, &is_zeroed));
}

void *pinned_heap_calloc(struct pinned_heap *heap, size_t count, size_t size)
{
	bool is_zeroed;
	size_t total;
	void *object;

	if (!heap)
		return pinned_calloc(count, size);
	if (__builtin_mul_overflow(count, size, &total))
		return pn_result_object(NULL);
	object = pn_alloc_in(pn_heaps_of(heap), 1, total, &is_zeroed);
	if (object && !is_zeroed)
		memset(object, 0, total);
	return pn_result_object(object);
}

void *pinned_heap_memalign(struct pinned_heap *heap, size_t alignment, size_t size)
{
	bool is_zeroed;

	if (!heap)
		return pinned_memalign(alignment, size);
	if (!alignment || alignment & (alignment - 1)) {
		errno = EINVAL;
		return NULL;
	}
	return pn_result_object(pn_alloc_in(pn_heaps_of(heap), alignment, size, &is_zeroed));
}

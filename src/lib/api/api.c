// SPDX-License-Identifier: MIT
/* The public allocation functions. They check arguments, call the rooms below, and set errno. */
#include <errno.h>

#include "arena/pins.h"
#include "chunk/slots.h"
#include "front/alloc.h"
#include "front/heaps.h"
#include "front/runtime.h"
#include "object/inherited.h"
#include "os/errno.h"
#include "pinned.h"

void *pinned_malloc(size_t size)
{
	return pn_result_object(pn_alloc(size));
}

void *pinned_calloc(size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return pn_result_object(pn_alloc_zeroed(total));
}

void *pinned_realloc(void *ptr, size_t size)
{
	if (!ptr)
		return pinned_malloc(size);
	if (!size) {
		pinned_free(ptr);
		return NULL;
	}
	return pn_result_object(pn_realloc(ptr, size));
}

void *pinned_memalign(size_t alignment, size_t size)
{
	void *object;

	if (!alignment || alignment & (alignment - 1)) {
		errno = EINVAL;
		return NULL;
	}
	object = pn_alloc_aligned_cached(alignment, size);
	return pn_likely(object) ? object : pn_result_object(pn_alloc_aligned(alignment, size));
}

void pinned_free(void *ptr)
{
	if (pn_likely(pn_arena_has(ptr)))
		pn_free(ptr);
	else if (ptr)
		pn_free_slow(ptr);
}

size_t pinned_usable_size(const void *ptr)
{
	return ptr ? pn_size_of(ptr, "usable_size()") : 0;
}

size_t pinned_purge(void)
{
	if (pn_runtime_enter()->error)
		return 0;
	pn_tcache_flush();
	pn_pins_purge();
	return (pn_heaps_purge() + pn_inherited_purge()) * PN_CHUNK_SIZE;
}

const char *pinned_backend(void)
{
	pn_runtime_enter();
	return pn_heap_backend_name(&pn_heap);
}

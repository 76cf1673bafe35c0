// SPDX-License-Identifier: MIT
/* Opens and closes heaps, copies their statistics, and resets them in a forked child. */
#include "chunk/heap.h"

#include <errno.h>

#include "chunk/idle.h"
#include "chunk/forks.h"
#include "os/confined.h"

struct pn_heap pn_heap;

static const struct pn_backend *backend_of(enum pn_backend_kind kind)
{
	switch (kind) {
	case PN_BACKEND_DEVICE:
		return &pn_backend_device;
	case PN_BACKEND_HUGETLB:
		return &pn_backend_hugetlb;
	default:
		return &pn_backend_anon;
	}
}

static int open_first(struct pn_pool *pool, const enum pn_backend_kind *kinds)
{
	int err = ENODEV;

	for (; *kinds != PN_BACKEND_AUTO; kinds++) {
		pool->backend = backend_of(*kinds);
		err = pool->backend->open(pool);
		if (!err)
			return 0;
	}
	pool->backend = NULL;
	return err;
}

static void set_options(struct pn_heap *heap, const struct pn_heap_options *options)
{
	heap->limit_chunks = options->limit_chunks;
	heap->decay_ms = options->decay_ms;
	heap->idle_chunks = options->idle_chunks;
	heap->contiguous_chunks = options->contiguous_chunks;
	heap->pool.memory = options->memory;
}

static void set_open(struct pn_heap *heap)
{
	pn_assert(!heap->pool.is_open && heap->pool.backend);
	heap->pool.number = pn_arena_new_pool();
	heap->pool.is_open = true;
}

int pn_heap_init(struct pn_heap *heap, const struct pn_heap_options *options,
		 const enum pn_backend_kind *kinds)
{
	int err;

	set_options(heap, options);
	err = open_first(&heap->pool, kinds);
	if (err)
		return err;
	pn_confined_start();
	set_open(heap);
	return 0;
}

int pn_heap_init_like(struct pn_heap *heap, const struct pn_heap_options *options,
		      const struct pn_heap *other)
{
	int err;

	set_options(heap, options);
	heap->pool.backend = other->pool.backend;
	if (heap->contiguous_chunks && !heap->pool.backend->populate_run)
		return EOPNOTSUPP;
	err = heap->pool.backend->open(&heap->pool);
	if (!err)
		set_open(heap);
	return err;
}

void pn_heap_close(struct pn_heap *heap)
{
	heap->pool.backend->disown(&heap->pool);
	heap->pool.is_open = false;
	heap->pool.backend = NULL;
}

const char *pn_heap_backend_name(const struct pn_heap *heap)
{
	return heap->pool.backend ? heap->pool.backend->name : "none";
}

struct pn_heap_stats pn_heap_get_stats(struct pn_heap *heap)
{
	struct pn_heap_stats copy = { 0 };

	if (!pn_arena_lock_inside())
		return copy;
	copy = heap->stats;
	pn_arena_unlock();
	return copy;
}

void pn_heap_in_child(struct pn_heap *heap)
{
	if (!heap->pool.backend)
		return;
	heap->pool.backend->disown(&heap->pool);
	heap->pool.is_open = false;
	heap->pool.number = pn_arena_new_pool();
	pn_idle_in_child(heap);
	heap->spare = NULL;
	heap->forks = pn_forks_count();
	heap->remap_pause_ms = 0;
	__atomic_store_n(&heap->retained, 0, __ATOMIC_RELAXED);
}

// SPDX-License-Identifier: MIT
/* A heap's beginning, its figures, and what forks do to it. */
#include "heap.h"

#include <errno.h>
#include <string.h>

#include "slots.h"
#include "sys.h"

#define MEND_PAUSE_MIN_MS 10

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

int pn_heap_init(struct pn_heap *heap, const struct pn_config *config,
		 const enum pn_backend_kind *kinds)
{
	int err;

	heap->limit_chunks = config->limit / PN_CHUNK_SIZE;
	/* An empty chunk that is kept would be no guard. */
	heap->decay_ms = config->has_guards ? 0 : config->decay_ms;
	heap->pool.node = config->node;
	heap->pool.has_guards = config->has_guards;
	err = open_first(&heap->pool, kinds);
	if (err)
		return err;
	heap->pool.number = pn_arena_new_pool();
	heap->pool.is_open = true;
	return 0;
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

size_t pn_heap_purge(struct pn_heap *heap)
{
	size_t count;

	pn_arena_lock();
	count = pn_slots_purge_locked(heap, 0);
	pn_arena_unlock();
	return count;
}

struct pn_heap_stats pn_heap_get_stats(struct pn_heap *heap)
{
	struct pn_heap_stats copy;

	pn_arena_lock();
	copy = heap->stats;
	pn_arena_unlock();
	return copy;
}

static void look_up_again(struct pn_heap *heap)
{
	for (size_t i = 0; i < pn_arena_used_slots(); i++)
		if (pn_arena.phys[i] && pn_arena.slots[i].heap == heap)
			__atomic_store_n(&pn_arena.phys[i], heap->pool.backend->after_fork(i) + 1,
					 __ATOMIC_RELEASE);
}

void pn_heap_after_fork(struct pn_heap *heap)
{
	const struct pn_backend *backend = heap->pool.backend;

	if (!backend)
		return;
	if (backend->mend) {
		heap->mend_pause_ms = MEND_PAUSE_MIN_MS;
		heap->mend_ms = pn_sys_now_ms() + heap->mend_pause_ms;
	}
	if (backend->after_fork)
		look_up_again(heap);
}

bool pn_heap_in_child(struct pn_heap *heap)
{
	if (!heap->pool.backend || heap->pool.backend->survives_fork)
		return false;
	heap->pool.backend->disown(&heap->pool);
	heap->pool.is_open = false;
	heap->pool.number = pn_arena_new_pool();
	heap->hint = 0;
	heap->empty = (struct pn_slot_list){ 0 };
	memset(heap->partial, 0, sizeof(heap->partial));
	heap->stats = (struct pn_heap_stats){ 0 };
	heap->mend_pause_ms = 0;
	return true;
}

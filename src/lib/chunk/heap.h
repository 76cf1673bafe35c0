/* SPDX-License-Identifier: MIT */
/*
 * A heap: memory of one sort, with its pool, its chunks and its slabs. There is
 * the default one, whose objects threads cache.
 */
#ifndef PN_HEAP_H
#define PN_HEAP_H

#include "arena/class.h"
#include "arena/slotlist.h"
#include "backend/backend.h"
#include "os/lock.h"

/* Lists of chunks by the length of their longest free run, each twice the one before. */
#define PN_RUN_ORDERS 9

struct pn_heap_stats {
	uint64_t chunks;
	uint64_t peak_chunks;
	uint64_t empty_chunks;
	uint64_t large_chunks;
	uint64_t raw_chunks;
	uint64_t medium_bytes;
	uint64_t populate_calls;
	uint64_t punch_calls;
};

/**
 * struct pn_central - the slabs of one class
 * @lock: covers the rest but @out, and what struct pn_slab says
 * @partial: slabs with free objects that belong to nobody
 * @spare: records that no slab uses
 * @colour: of the last slab
 * @out: objects that slabs have given out; atomic, and on a line of its own, since owners of slabs
 *	change it without the lock
 */
struct pn_central {
	struct pn_lock lock;
	struct pn_slab *partial;
	struct pn_slab *spare;
	unsigned int colour;
	int64_t out __attribute__((aligned(PN_CACHE_LINE)));
} __attribute__((aligned(PN_CACHE_LINE)));

/**
 * struct pn_heap - one heap; all but @centrals under the arena's lock
 * @pool: where chunks come from
 * @empty: EMPTY chunks, newest first
 * @partial: PAGES chunks with room
 * @hint: no slot below it is to be had
 * @limit_chunks: how many it may hold
 * @is_contiguous: a large object shall be one physical extent
 * @decay_ms: how long an EMPTY chunk is kept
 * @calls: slow paths, counted
 * @forks: forks of the process that the heap has noticed
 * @short_ms: until when empty chunks are given back at once, because memory is short; 0: it is not
 * @mend_ms: when to look next what a fork left to mend
 * @mend_pause_ms: how long to wait after that; 0: nothing to mend
 * @spare: records that no medium object uses
 * @colour: of the last medium object
 * @refusal: why the last request for chunks failed, an errno; EFBIG: a limit of the
 *           library's; ENOSPC: nothing more can be mapped
 * @retained: objects that somebody retains: retain.c, atomic
 * @next: the next of all heaps (heaps.h)
 * @stats: figures
 * @centrals: by class
 */
struct pn_heap {
	struct pn_pool pool;
	struct pn_slot_list empty;
	struct pn_slot_list partial[PN_RUN_ORDERS];
	size_t hint;
	uint64_t limit_chunks;
	bool is_contiguous;
	uint64_t decay_ms;
	unsigned int calls;
	uint32_t forks;
	uint64_t short_ms;
	uint64_t mend_ms;
	uint64_t mend_pause_ms;
	struct pn_slab *spare;
	unsigned int colour;
	int refusal;
	uint64_t retained;
	struct pn_heap *next;
	struct pn_heap_stats stats;
	struct pn_central centrals[PN_CLASSES];
};

/* The heap of malloc. */
extern struct pn_heap pn_heap;

/**
 * struct pn_heap_options - what a heap shall be
 * @memory: its chunks
 * @limit_chunks: how many of them it may hold
 * @decay_ms: how long an empty one is kept
 * @is_contiguous: as in struct pn_heap
 */
struct pn_heap_options {
	struct pn_memory memory;
	uint64_t limit_chunks;
	uint64_t decay_ms;
	bool is_contiguous;
};

/* Return: 0, or the errno of the last backend of @kinds (which ends with PN_BACKEND_AUTO). */
int pn_heap_init(struct pn_heap *heap, const struct pn_heap_options *options,
		 const enum pn_backend_kind *kinds);
/* The same, by the backend of another heap. */
int pn_heap_init_like(struct pn_heap *heap, const struct pn_heap_options *options,
		      const struct pn_heap *other);
/* Without memory; then no backend is named. */
void pn_heap_close(struct pn_heap *heap);
const char *pn_heap_backend_name(const struct pn_heap *heap);
struct pn_heap_stats pn_heap_get_stats(struct pn_heap *heap);

/* In a forked child: leaves all memory and the pool of the heap alone. */
void pn_heap_in_child(struct pn_heap *heap);

#endif /* PN_HEAP_H */

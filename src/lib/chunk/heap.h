/* SPDX-License-Identifier: MIT */
/*
 * A heap: memory of one kind, with a pool, chunks and slabs of its own. malloc uses the default
 * heap; threads cache objects of the default heap only.
 */
#ifndef PN_HEAP_H
#define PN_HEAP_H

#include "arena/class.h"
#include "arena/slotlist.h"
#include "backend/backend.h"
#include "os/lock.h"

/* Number of lists of chunks by the length of their longest free page run, in powers of two. */
#define PN_PAGE_RUN_ORDERS 9

/* Number of runs of slots that a heap remembers to use again. */
#define PN_RECENT_RUNS 4

struct pn_heap_stats {
	uint64_t chunks;
	uint64_t peak_chunks;
	uint64_t empty_chunks;
	uint64_t large_chunks;
	uint64_t raw_chunks;
	uint64_t medium_bytes;
	uint64_t populate_calls;
	uint64_t punch_calls;
	uint64_t refused_runs;
};

/**
 * struct pn_central - the slabs of one class
 * @lock: covers the other members except @out, and those members of the class's slabs whose
 *	description says so
 * @partial: unowned slabs with free objects
 * @spare: records that no slab uses
 * @colour: counts the colours that were given to slabs; see next_colour() of slab.c
 * @out: how many objects the slabs have handed out; atomic, and on a cache line of its own, because
 *	owners of slabs change it without the lock
 */
struct pn_central {
	struct pn_lock lock;
	struct pn_slab *partial;
	struct pn_slab *spare;
	unsigned int colour;
	int64_t out __attribute__((aligned(PN_CACHE_LINE)));
} __attribute__((aligned(PN_CACHE_LINE)));

/**
 * struct pn_heap - one heap; the arena's lock covers all members except @centrals
 * @pool: the pool that the heap's chunks come from
 * @empty: EMPTY chunks, newest first
 * @partial: PAGES chunks with free pages, by the length of their longest free page run
 * @hint: the heap can take no slot below this one
 * @recent: the slots of the large objects that were freed last, newest first; they may have been
 *	used for something else since
 * @limit_chunks: how many chunks the heap may hold
 * @reserved: how many chunks threads are obtaining for the heap
 * @contiguous_chunks: a large object of at least this many chunks must be physically contiguous; 0:
 *	none must be
 * @decay_ms: how long an EMPTY chunk is kept at most (keep.h)
 * @idle_chunks: how many EMPTY chunks may be kept, however little the heap uses
 * @leaving: how many threads are giving chunks of the heap back, or making a registrar's key for a
 *	chunk of the heap
 * @is_ending: the heap is being destroyed, and only the thread that destroys it gives chunks back
 * @is_realtime: the heap gives no chunk back, and touches new ones (prefault.h)
 * @is_guarded: each object has a chunk of its own, and ends with it (front/guarded.h)
 * @calls: number of calls of slow paths
 * @is_due: pn_idle_tidy() has something to do; atomic
 * @forks: number of the process's forks that the heap has noticed
 * @keep: how many EMPTY chunks are kept (keep.h)
 * @keep.extra: how many more than otherwise, because the program needed them again
 * @keep.given: how many chunks were given back as excess, and have not been missed
 * @keep.given_ms: when the last of them were given back
 * @keep.short_ms: memory is short, and EMPTY chunks are given back at once, until this time; 0 if
 *	not
 * @remap_ms: when to check next whether what a fork did to the mappings can be undone
 * @remap_pause_ms: pause between two such checks; 0 if there is nothing to undo
 * @spare: records that no medium object uses
 * @colour: counts the colours that were given to medium objects; see next_colour() of medium.c
 * @refusal: why the last request for chunks failed: an errno of the backend; EFBIG: a limit of the
 *	library was reached; ENOSPC: nothing more can be mapped; ENOBUFS: the IOMMU maps no more;
 *	EADDRNOTAVAIL: there is no contiguous run
 * @retained: how many of the heap's objects are retained: see retain.c; atomic
 * @next: next in the list of all heaps (heaps.h)
 * @stats: the heap's statistics
 * @centrals: for each class, its unowned slabs and its lock
 */
struct pn_heap {
	struct pn_pool pool;
	struct pn_slot_list empty;
	struct pn_slot_list partial[PN_PAGE_RUN_ORDERS];
	size_t hint;
	struct {
		size_t first;
		size_t count;
	} recent[PN_RECENT_RUNS];
	uint64_t limit_chunks;
	uint64_t reserved;
	size_t contiguous_chunks;
	uint64_t decay_ms;
	uint64_t idle_chunks;
	unsigned int leaving;
	bool is_ending;
	bool is_realtime;
	bool is_guarded;
	unsigned int calls;
	bool is_due;
	uint32_t forks;
	struct {
		uint64_t extra;
		uint64_t given;
		uint64_t given_ms;
		uint64_t short_ms;
	} keep;
	uint64_t remap_ms;
	uint64_t remap_pause_ms;
	struct pn_slab *spare;
	unsigned int colour;
	int refusal;
	uint64_t retained;
	struct pn_heap *next;
	struct pn_heap_stats stats;
	struct pn_central centrals[PN_CLASSES];
};

/* The default heap, which malloc uses. */
extern struct pn_heap pn_heap;

/* Returns true if a large object of @count chunks must be physically contiguous. */
static inline bool pn_heap_wants_run(const struct pn_heap *heap, size_t count)
{
	return heap->contiguous_chunks && count >= heap->contiguous_chunks;
}

/**
 * struct pn_heap_options - the properties of a heap
 * @memory: properties of the heap's chunks
 * @limit_chunks: how many chunks the heap may hold
 * @decay_ms: how long an EMPTY chunk is kept
 * @idle_chunks: as in struct pn_heap
 * @contiguous_chunks: as in struct pn_heap
 */
struct pn_heap_options {
	struct pn_memory memory;
	uint64_t limit_chunks;
	uint64_t decay_ms;
	uint64_t idle_chunks;
	size_t contiguous_chunks;
};

/*
 * Opens a pool for a heap, from the first backend in @kinds that can be opened; @kinds ends with
 * PN_BACKEND_AUTO. Return: 0, or the errno of the last backend.
 */
int pn_heap_init(struct pn_heap *heap, const struct pn_heap_options *options,
		 const enum pn_backend_kind *kinds);
/* The same, with the backend of another heap. Return: 0, EOPNOTSUPP or an errno of the backend. */
int pn_heap_init_like(struct pn_heap *heap, const struct pn_heap_options *options,
		      const struct pn_heap *other);
/* Closes the pool of a heap that holds no memory. */
void pn_heap_close(struct pn_heap *heap);
/* Returns the name of the heap's backend; "none" if the heap is not open. */
const char *pn_heap_backend_name(const struct pn_heap *heap);
/* Returns a copy of the statistics, under the arena's lock; zeros in a forked child without it. */
struct pn_heap_stats pn_heap_get_stats(struct pn_heap *heap);

/*
 * In a forked child: gives the heap a new pool number and no chunks; the parent's stay untouched.
 */
void pn_heap_in_child(struct pn_heap *heap);

#endif /* PN_HEAP_H */

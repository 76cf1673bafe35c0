/* SPDX-License-Identifier: MIT */
/*
 * The bins of a thread's cache: stacks of free objects. These functions decide how many objects
 * each bin may hold, and give objects back. Only the thread that owns a cache calls them for that
 * cache, except for pn_bin_rob_medium(). Whoever uses the medium bins calls pn_bin_enter_medium()
 * before and pn_bin_leave_medium() after.
 */
#ifndef PN_BINS_H
#define PN_BINS_H

#include "object/medium.h"
#include "object/owner.h"
#include "object/written.h"

/*
 * The bins: one for each class, then those of medium objects, then for each class one of objects
 * from slabs that the thread does not own.
 */
#define PN_BIN_MEDIUM PN_CLASSES
#define PN_BIN_OTHERS (PN_BIN_MEDIUM + PN_MEDIUM_BINS)
#define PN_BINS (PN_BIN_OTHERS + PN_CLASSES)

/**
 * struct pn_bin - one stack of free objects
 * @count: objects in the stack
 * @room: how many objects it may hold; 0 before its first use, and in a thread without a cache
 * @objects: the stack, newest object last
 */
struct pn_bin {
	uint32_t count;
	uint32_t room;
	struct pn_free *objects;
};

/**
 * struct pn_tcache - a thread's cache
 * @bins: the stacks; first, for the fast paths
 * @owner: the thread's slabs
 * @medium_in_use: some thread uses the medium bins, @medium_bytes and @medium_granted
 * @medium_bytes: bytes in cached medium objects
 * @capacity: for each bin, how many objects its stack has memory for
 * @granted: bytes that the bins, except for the medium ones, may hold: the sum of room times object
 *	size
 * @medium_granted: bytes that the medium bins may hold
 * @filled: the class whose bin was refilled last
 * @newest_medium: the bin that received a medium object last
 * @frees: frees into the bins until the thread looks at the clock; see pn_tcache_tidy()
 * @tidied_ms: when the thread last gave back what it does not use
 * @misses: slow paths since unused bins were last searched for
 * @was_used: bins that had a slow path since then
 * @was_full: bins whose last slow path was a free into a full bin, not an allocation
 * @owns_at_once: the thread owns slabs from its first object on, without sharing any before
 * @needed: by class, objects that the thread needed before it owned slabs, up to a limit
 * @prev: with @next, neighbours in the list of all caches; @next also links the unused ones
 */
struct pn_tcache {
	struct pn_bin bins[PN_BINS];
	struct pn_owner owner;
	uint32_t frees;
	uint16_t capacity[PN_BINS];
	uint8_t filled;
	uint8_t newest_medium;
	bool medium_in_use;
	size_t medium_bytes;
	size_t granted;
	size_t medium_granted;
	uint64_t tidied_ms;
	uint32_t misses;
	bool was_used[PN_BINS];
	bool was_full[PN_BINS];
	bool owns_at_once;
	uint16_t needed[PN_CLASSES];
	struct pn_tcache *prev;
	struct pn_tcache *next;
};

/*
 * Sets the count of a bin. Only the owning thread writes the count, but other threads read the
 * count through pn_tcache_bytes(), so the store is atomic.
 */
static inline void pn_bin_set_count(struct pn_bin *bin, uint32_t count)
{
	__atomic_store_n(&bin->count, count, __ATOMIC_RELAXED);
}

/*
 * Takes the newest object out of a bin and marks it live. Return: the object; NULL if the bin is
 * empty.
 */
static inline void *pn_bin_pop(struct pn_bin *bin)
{
	uint32_t count = bin->count;
	struct pn_free newest;

	if (pn_unlikely(!count))
		return NULL;
	newest = bin->objects[count - 1];
	pn_assert(count <= bin->room && pn_free_is_valid(&newest));
	pn_bin_set_count(bin, count - 1);
	pn_free_set_live(&newest);
	/* Spares the caller's test of the result a second comparison. */
	if (!newest.object)
		__builtin_unreachable();
	return newest.object;
}

/* Puts an object, which is not live any more, into a bin. Return: false if the bin is full. */
static inline bool pn_bin_push(struct pn_bin *bin, void *object, uint8_t *state)
{
	uint32_t count = bin->count;

	if (pn_unlikely(count >= bin->room))
		return false;
	pn_assert(pn_slab_at(pn_arena_offset(object))->heap == &pn_heap);
	bin->objects[count] = (struct pn_free){ object, state };
	pn_bin_set_count(bin, count + 1);
	return true;
}

/*
 * Prepares the objects of @class that a bin has received from slabs. An object that nobody has used
 * yet gets its mark. Dies if somebody has written to the mark of a free object, or to a gap.
 */
void pn_bin_mark(const struct pn_bin *bin, unsigned int class);
/*
 * Dies if somebody has written to one of the free objects that are most likely to be written to by
 * mistake: the object that comes next in the bin of @class, or in the bin that was refilled last,
 * and the medium object that the thread freed last.
 */
void pn_bin_check_newest(struct pn_tcache *cache, unsigned int class);
/* Dies if the newest object of a bin has a mark, and somebody has written to the mark. */
static inline void pn_bin_check(const struct pn_bin *bin)
{
	const struct pn_free *newest;

	if (!bin->count)
		return;
	newest = &bin->objects[bin->count - 1];
	if (pn_free_is_unused(newest) ||
	    pn_slab_has_gaps(pn_slab_at(pn_arena_offset(newest->object))))
		pn_mark_check(newest->object);
}

/* Bytes of objects that one refill of a bin takes. */
#define PN_BATCH_BYTES ((size_t)32 << 10)

/* Returns how many objects of @size bytes fit into @bytes, at least 1 and at most @most. */
static inline uint32_t pn_bin_count_fitting(size_t bytes, size_t size, uint32_t most)
{
	size_t count = bytes / size;

	return count < 1 ? 1 : count > most ? most : (uint32_t)count;
}

/*
 * Begins to use the medium bins. Medium objects are large and have no fast path, so other threads
 * may take them from the cache of a thread that sleeps. No thread waits for the bins: returns false
 * if another thread uses them, or if the caller is a signal handler that interrupted their use.
 */
static inline bool pn_bin_enter_medium(struct pn_tcache *cache)
{
	return !__atomic_exchange_n(&cache->medium_in_use, true, __ATOMIC_ACQUIRE);
}

static inline void pn_bin_leave_medium(struct pn_tcache *cache)
{
	__atomic_store_n(&cache->medium_in_use, false, __ATOMIC_RELEASE);
}

/*
 * Adds to the bytes in cached medium objects. The store is atomic because other threads read the
 * sum through pn_tcache_bytes() at any time.
 */
static inline void pn_bin_count_medium(struct pn_tcache *cache, size_t bytes)
{
	__atomic_store_n(&cache->medium_bytes, cache->medium_bytes + bytes, __ATOMIC_RELAXED);
}

static inline size_t pn_bin_medium_size(const void *object)
{
	return pn_slab_at(pn_arena_offset(object))->size;
}

/*
 * Gives the @count oldest objects of a bin back, because the newer ones are more likely to be in
 * the CPU's caches.
 */
void pn_bin_flush_oldest(struct pn_tcache *cache, unsigned int index, uint32_t count);
/*
 * Gives back all objects of all bins, except for the medium ones while another thread uses these.
 * Returns false if there were none.
 */
bool pn_bin_flush_all(struct pn_tcache *cache);
/*
 * Takes an object of @size bytes or up to a quarter more out of a medium bin, and marks it live. The
 * caller has entered the medium bins. Return: the object; NULL if none of the newest ones fits.
 */
void *pn_bin_pop_fitting(struct pn_tcache *cache, unsigned int index, size_t size);
/*
 * Takes up to @most objects out of the medium bins of any thread's cache, and sets the room of the
 * bins that become empty to 0. The caller frees the objects. Returns how many objects it took; 0
 * also if another thread uses the bins.
 */
size_t pn_bin_rob_medium(struct pn_tcache *cache, void **objects, size_t most);

/*
 * Records that a bin ran full (@is_full), or empty: a medium bin counts as empty if it contains no
 * object that fits a request. Returns true if the last such record of the bin says the opposite.
 */
bool pn_bin_note_alternation(struct pn_tcache *cache, unsigned int index, bool is_full);
/*
 * Raises the room of a bin, within the limits of a thread and of all threads. The limits do not
 * apply to first rooms of up to 1 KiB.
 * @alternates says that the bin ran full and empty in turn: then the thread needs no slabs once all
 * its objects fit into the bin. A thread that only allocates, or only frees what others allocate,
 * gains nothing by more room than a few batches need. Returns false if the room stays as it is.
 */
bool pn_bin_grow(struct pn_tcache *cache, unsigned int index, bool alternates);
/* Sets the room of a bin, which contains at most @room objects, and updates what is granted. */
void pn_bin_set_room(struct pn_tcache *cache, unsigned int index, uint32_t room);
/*
 * Records a slow path of a bin. The caller has not entered the medium bins. After some thousand
 * slow paths of a cache, shrinks those of its bins that had none of them.
 */
void pn_bin_note_slow_path(struct pn_tcache *cache, unsigned int index);
/*
 * Gives back half of what those bins hold that had no slow path since the last call, and takes half
 * of their room.
 */
void pn_bin_shrink_unused(struct pn_tcache *cache);

/* In a forked child: no thread has been granted any room. */
void pn_bin_in_child(void);

#endif /* PN_BINS_H */

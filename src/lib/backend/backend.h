/* SPDX-License-Identifier: MIT */
/*
 * The contract between heaps and backends, which provide memory. Unless struct pn_backend says
 * otherwise, the caller of each function holds the arena's lock, and open() has returned 0 for the
 * pool. populate(), populate_run() and punch() are called without that lock, because the kernel may
 * need long for them; the caller passes a copy of the pool, and no other thread works on the same
 * slots (arena/work.h). They take the lock themselves for what concerns more than these slots.
 */
#ifndef PN_BACKEND_H
#define PN_BACKEND_H

#include "arena/arena.h"
#include "config/config.h"
#include "os/fdguard.h"
#include "pinned.h"

/*
 * From populate() and punch(): the descriptor was lost. The chunks that it provided stay usable;
 * for more chunks, the caller opens a new pool.
 */
#define PN_BACKEND_LOST (-1)
/*
 * From populate(): somebody else has mapped something at some of these slots. The backend has
 * assigned those slots to PN_POOL_NOBODY, and the caller tries other slots.
 */
#define PN_BACKEND_FOREIGN (-2)

/*
 * No backend returns this. The callers of populate() and punch() use it if a signal handler forked
 * during the call, and the arena's data must not be used in the child: see pn_lock_resume().
 */
#define PN_BACKEND_FORKED (-3)

/* The physical address that populate() stores for a chunk whose address is not known. */
#define PN_PHYS_UNKNOWN UINT64_MAX

/**
 * struct pn_memory - the required properties of chunks
 * @type: PINNED_MEMORY_*, which the driver numbers in the same way
 * @node: NUMA node on which the chunks must be, or -1 for any
 * @max_phys: the highest physical address that any byte may have, or PN_PHYS_UNKNOWN for no limit
 */
struct pn_memory {
	uint32_t type;
	int node;
	uint64_t max_phys;
};

/**
 * struct pn_pool - one open of a backend, from which a heap gets its chunks
 * @backend: the backend
 * @number: the pool's number, which the regions of the pool have in the arena's tables (arena.h)
 * @claims: how much the pool has claimed
 * @is_open: open() was called and disown() was not
 * @memory: required properties of the pool's chunks
 * @has_guards: the slots around each chunk or large object must stay inaccessible
 * @fd: descriptor of the device
 * @id: the driver's number of this open
 *
 * Only the device backend uses @fd and @id.
 */
struct pn_pool {
	const struct pn_backend *backend;
	uint32_t number;
	struct pn_claims claims;
	bool is_open;
	struct pn_memory memory;
	bool has_guards;
	struct pn_fd fd;
	uint64_t id;
};

/**
 * struct pn_backend - a kind of memory provider
 * @name: the backend's name in messages and statistics
 * @has_small_pages: memory can be given back page by page, by madvise(MADV_DONTNEED)
 * @open: prepares a pool for populate(). Returns 0; EOPNOTSUPP if the backend has no memory with
 *	the required properties; or another errno
 * @populate: fills @count slots with zeroed chunks and stores their physical addresses; fills all
 *	slots or none. Returns 0, an errno, PN_BACKEND_LOST or PN_BACKEND_FOREIGN; ENOSPC if
 *	nothing more can be mapped
 * @populate_run: fills @count slots with physically contiguous chunks, and stores the address of
 *	the first; returns what populate() returns. NULL if the backend has no contiguous chunks
 * @punch: gives back the chunks of @count slots, which the caller has made holes. Afterwards the
 *	addresses are not mapped, or are mapped without memory. Returns 0, an errno or
 *	PN_BACKEND_LOST
 * @unmap: unmaps all addresses of the pool, after all its chunks were given back; other pools may
 *	then use the addresses. The caller calls disown() next. May be NULL
 * @disown: forgets a pool that belongs to the parent, is lost, or is no longer needed. The caller
 *	calls open() again if it needs the pool
 * @sync: synchronises CPU caches and device for @len bytes at @offset, before the device (or else
 *	the CPU) accesses them. Returns 0 or an errno. Any thread calls @sync and @export without
 *	a lock, with a copy of the pool. May be NULL
 * @export: makes a dma-buf of chunks. Returns 0 or an errno. May be NULL
 * @remap: in the parent, some time after a fork: undoes what the fork did to the mappings. Returns
 *	true when nothing is left to do. May be NULL
 * @after_fork: in the parent, after a fork: returns the new physical address of a chunk. NULL
 *	unless forks move the backend's chunks
 */
struct pn_backend {
	const char *name;
	bool has_small_pages;
	int (*open)(struct pn_pool *pool);
	int (*populate)(struct pn_pool *pool, size_t slot, size_t count, uint64_t *phys);
	int (*populate_run)(struct pn_pool *pool, size_t slot, size_t count, uint64_t *phys);
	int (*punch)(struct pn_pool *pool, size_t slot, size_t count);
	void (*unmap)(struct pn_pool *pool);
	void (*disown)(struct pn_pool *pool);
	int (*sync)(const struct pn_pool *pool, size_t offset, size_t len, unsigned int directions,
		    bool is_for_device);
	int (*export)(const struct pn_pool *pool, size_t slot, size_t count, int *fd);
	bool (*remap)(struct pn_pool *pool);
	uint64_t (*after_fork)(size_t slot);
};

/*
 * Returns true if @memory requires only ordinary memory of any NUMA node. Backends that do not use
 * the driver have no other memory.
 */
static inline bool pn_memory_is_ordinary(const struct pn_memory *memory)
{
	return (memory->type == PINNED_MEMORY_COHERENT || memory->type == PINNED_MEMORY_CACHED) &&
	       memory->node < 0 && memory->max_phys == PN_PHYS_UNKNOWN;
}

/* Calls pn_arena_exclude_foreign() under the arena's lock. Return: false without the lock, too. */
static inline bool pn_backend_exclude_foreign(size_t slot, size_t count)
{
	bool has_excluded;

	if (!pn_arena_lock_inside())
		return false;
	has_excluded = pn_arena_exclude_foreign(slot, count);
	pn_arena_unlock();
	return has_excluded;
}

extern const struct pn_backend pn_backend_device;
extern const struct pn_backend pn_backend_hugetlb;
extern const struct pn_backend pn_backend_anon;

#endif /* PN_BACKEND_H */

/* SPDX-License-Identifier: MIT */
/*
 * The contract between heaps and whatever gives them memory. All calls are made
 * under the arena's lock, and before a pool's first call to any other function,
 * open() has returned 0.
 */
#ifndef PN_BACKEND_H
#define PN_BACKEND_H

#include "arena/arena.h"
#include "config/config.h"
#include "os/fdguard.h"
#include "pinned.h"

/* populate() and punch(): the descriptor was lost, what it gave stays, open() anew. */
#define PN_BACKEND_LOST (-1)
/* populate(): somebody else has mapped some of these slots, which are nobody's now: try others. */
#define PN_BACKEND_FOREIGN (-2)

/* What populate() stores for a chunk whose physical address it does not know. */
#define PN_PHYS_UNKNOWN UINT64_MAX

/**
 * struct pn_memory - what chunks shall be like
 * @type: PINNED_MEMORY_*, which the driver numbers in the same way
 * @node: NUMA node that they shall be on, or -1
 * @max_phys: the highest physical address that any byte may have, or PN_PHYS_UNKNOWN
 */
struct pn_memory {
	uint32_t type;
	int node;
	uint64_t max_phys;
};

/**
 * struct pn_pool - a source of chunks, opened
 * @backend: what sort of source
 * @number: whose extents are this pool's (arena.h)
 * @claims: what it has claimed
 * @is_open: between open() and disown()
 * @memory: what its chunks shall be like
 * @has_guards: nothing accessible may be where there is no chunk
 * @fd: of the device
 * @id: by which the device knows this open
 *
 * The last two are the device's alone.
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
 * struct pn_backend - a sort of source
 * @name: for people
 * @has_small_pages: memory can be given back page by page, by madvise(MADV_DONTNEED)
 * @open: get ready to populate; 0, EOPNOTSUPP for memory that it does not have, or another errno
 * @populate: make @count slots' chunks usable and zeroed, and store their physical addresses;
 *	all or none. 0, an errno, PN_BACKEND_LOST or PN_BACKEND_FOREIGN; ENOSPC, nothing more can
 *	be mapped
 * @populate_run: the same, with chunks that make one physical extent, whose address it stores; may
 *	be NULL, and then there are no such runs
 * @punch: give @count chunks back, whose slots are holes by now; afterwards the range is not
 *	mapped, or is mapped without memory.
 *	0, an errno or PN_BACKEND_LOST
 * @unmap: let go of all addresses, which are about to be other pools'; all chunks were given back.
 *	disown() follows. May be NULL
 * @disown: let go of what belongs to a parent, or is lost; open() follows when needed
 * @sync: make CPU and device see the same of @len bytes at @offset, before the device or else the
 *	CPU goes on; 0 or an errno. Any thread calls it and the next one without a lock, with a copy of
 *	the pool. May be NULL
 * @export: a dma-buf of chunks; 0 or an errno. May be NULL
 * @mend: in the parent, some time after a fork: undo what that did to the mappings. true when
 *	nothing is left to do; may be NULL
 * @after_fork: in the parent, after a fork: the physical address of a chunk again, for a backend
 *	whose chunks a fork moves; else NULL
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
	bool (*mend)(struct pn_pool *pool);
	uint64_t (*after_fork)(size_t slot);
};

/* Memory as every program has it, of any NUMA node: backends without the driver have no other. */
static inline bool pn_memory_is_ordinary(const struct pn_memory *memory)
{
	return (memory->type == PINNED_MEMORY_COHERENT || memory->type == PINNED_MEMORY_CACHED) &&
	       memory->node < 0 && memory->max_phys == PN_PHYS_UNKNOWN;
}

extern const struct pn_backend pn_backend_device;
extern const struct pn_backend pn_backend_hugetlb;
extern const struct pn_backend pn_backend_anon;

#endif /* PN_BACKEND_H */

// SPDX-License-Identifier: MIT
/*
 * Chunks from the driver: a pool of /dev/pinned_mem, whose offsets are the arena's offsets. A
 * region is mapped when its first slot is populated, and unmapped when its last chunk has been
 * given back. A new pool of the driver is coherent. The driver learns of another memory type when
 * the first slot is populated, so a region of such a pool is mapped only after that.
 *
 * The descriptor may be lost (see fdguard.h), or its number may even refer to another pool. The
 * chunks of the lost pool stay usable through its mappings, but they cannot be given back, and the
 * pool cannot get more. The heap then opens a new pool, which uses new regions.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "arena/arena.h"
#include "arena/work.h"
#include "backend/backend.h"
#include "os/confined.h"
#include "os/fdguard.h"
#include "os/sys.h"
#include "pinned_mem.h"

_Static_assert(PINNED_MEM_CHUNK_SHIFT == PN_CHUNK_SHIFT, "the driver's chunk is the library's");
_Static_assert(PINNED_MEM_PHYS_ANY == PN_PHYS_UNKNOWN, "no ceiling is written alike");
_Static_assert(PINNED_MEM_TYPE_COHERENT == PINNED_MEMORY_COHERENT &&
		       PINNED_MEM_TYPE_UNCACHED == PINNED_MEMORY_UNCACHED &&
		       PINNED_MEM_TYPE_WRITE_COMBINE == PINNED_MEMORY_WRITE_COMBINE &&
		       PINNED_MEM_TYPE_CACHED == PINNED_MEMORY_CACHED,
	       "memory types are numbered alike");

/* Return: 0 with @info filled, or an errno. */
static int ask_info(const struct pn_pool *pool, struct pinned_mem_info *info)
{
	*info = (struct pinned_mem_info){ .size = sizeof(*info) };
	return pn_sys_ioctl(pool->fd.fd, PINNED_MEM_IOC_INFO, info);
}

/*
 * Checks that the driver has this library's version of the ABI, and memory of the pool's type.
 * Return: 0; EPROTO if the driver is older than the library, which includes a driver that does not
 * know this version of INFO; EPROTONOSUPPORT if the driver is newer; EOPNOTSUPP if it has no memory
 * of that type; or another errno.
 */
static int check_driver(const struct pn_pool *pool, struct pinned_mem_info *info)
{
	int err = ask_info(pool, info);

	if (err)
		return err == EINVAL ? EPROTO : err;
	if (info->abi_version != PINNED_MEM_ABI_VERSION ||
	    info->chunk_size != PINNED_MEM_CHUNK_SIZE)
		return info->abi_version < PINNED_MEM_ABI_VERSION ? EPROTO : EPROTONOSUPPORT;
	return info->features >> pool->memory.type & 1 ? 0 : EOPNOTSUPP;
}

static int device_open(struct pn_pool *pool)
{
	struct pinned_mem_info info;
	int err = pn_fd_open(&pool->fd, PINNED_MEM_DEVICE, O_RDWR);

	if (err)
		return err;
	err = check_driver(pool, &info);
	if (err) {
		pn_fd_drop(&pool->fd);
		return err;
	}
	pool->id = info.pool_id;
	return 0;
}

/* Returns true if the pool's descriptor was lost; otherwise fills @info. */
static bool is_lost(const struct pn_pool *pool, struct pinned_mem_info *info)
{
	return !pn_fd_is_intact(&pool->fd) || ask_info(pool, info) || info->pool_id != pool->id;
}

/* Regions; in these functions, a region is named by its first slot. */

static size_t region_size(size_t region)
{
	return (size_t)pn_arena.slots[region].region_slots << PN_CHUNK_SHIFT;
}

/* Returns the next region. The first region is 0. */
static size_t next_region(size_t region)
{
	return region + pn_arena.slots[region].region_slots;
}

static bool is_mapped(const struct pn_pool *pool, size_t region)
{
	return pn_arena.slots[region].mapped == pool->number;
}

static int map_region(struct pn_pool *pool, size_t region)
{
	int err = pn_sys_map(pn_arena_slot_at(region), region_size(region), MAP_SHARED, pool->fd.fd,
			     (uint64_t)region << PN_CHUNK_SHIFT);

	if (!err)
		pn_arena.slots[region].mapped = pool->number;
	return err;
}

static void unmap_region(size_t region)
{
	if (pn_sys_unmap(pn_arena_slot_at(region), region_size(region)))
		pn_arena.slots[region].mapped = 0;
}

/*
 * Maps the region of @slot. If there is not enough address space for the whole region, makes the
 * slots from @slot up to @end a region of their own, and maps that one. Returns 0, an errno or
 * PN_BACKEND_FOREIGN.
 */
static int map_region_of(struct pn_pool *pool, size_t slot, size_t end)
{
	size_t region = pn_arena.slots[slot].region, region_end = pn_arena_region_end(slot);
	int err = map_region(pool, region);

	if (!err)
		return 0;
	if (err == EEXIST && pn_arena_exclude_foreign(region, region_end - region))
		return PN_BACKEND_FOREIGN;
	if (slot == region && end >= region_end)
		return ENOSPC;
	pn_arena_divide(slot, (end < region_end ? end : region_end) - slot);
	return map_region(pool, slot) ? ENOSPC : 0;
}

static int map_regions_locked(struct pn_pool *pool, size_t slot, size_t count)
{
	size_t end = slot + count;
	int err = 0;

	pn_arena_assert_held();
	for (; !err && slot < end; slot = pn_arena_region_end(slot))
		if (!is_mapped(pool, pn_arena.slots[slot].region))
			err = map_region_of(pool, slot, end);
	return err;
}

/*
 * Maps the regions that contain the slots. Takes the arena's lock, since other threads may work on
 * other slots of these regions. Returns 0, an errno or PN_BACKEND_FOREIGN.
 */
static int map_regions(struct pn_pool *pool, size_t slot, size_t count)
{
	int err;

	if (!pn_arena_lock_inside())
		return ENOMEM;
	err = map_regions_locked(pool, slot, count);
	pn_arena_unlock();
	return err;
}

/* Returns true if a slot of the region has memory, or if a work other than @mine contains one. */
static bool has_memory(size_t region, const struct pn_work *mine)
{
	for (size_t slot = region; slot < next_region(region); slot++) {
		const struct pn_work *work = pn_work_at(slot);

		if (pn_arena.slots[slot].state != PN_SLOT_HOLE || (work && work != mine))
			return true;
	}
	return false;
}

/*
 * Unmaps those regions of the slots, which are holes, in which no other slot has memory either.
 * Takes the arena's lock.
 */
static void unmap_empty_regions(struct pn_pool *pool, size_t slot, size_t count)
{
	const struct pn_work *mine;

	if (!pn_arena_lock_inside())
		return;
	mine = pn_work_at(slot);
	for (size_t end = slot + count; slot < end; slot = pn_arena_region_end(slot)) {
		size_t region = pn_arena.slots[slot].region;

		if (is_mapped(pool, region) && !has_memory(region, mine))
			unmap_region(region);
	}
	pn_arena_unlock();
}

static size_t count_mapped(const struct pn_pool *pool)
{
	size_t count = 0;

	for (size_t region = 0; region < pn_arena_slot_count(); region = next_region(region))
		count += is_mapped(pool, region);
	return count;
}

static int map_again(struct pn_pool *pool, size_t region)
{
	return pn_sys_map_over(pn_arena_slot_at(region), region_size(region), MAP_SHARED,
			       pool->fd.fd, (uint64_t)region << PN_CHUNK_SHIFT);
}

/*
 * Restores huge page-table entries after a fork. A fork splits the mappings into small entries;
 * mapping a region over itself makes its entries huge again, atomically for other threads (see
 * "Mapping" in the driver's manual). If the program has changed a part of a mapping, by mprotect()
 * or the like, mapping it again would undo that change: the entries then stay small.
 */
static bool device_remap(struct pn_pool *pool)
{
	struct pinned_mem_info info;

	if (is_lost(pool, &info) || !info.split_mappings || info.mappings != count_mapped(pool))
		return true;
	if (info.snapshots)
		return false;
	for (size_t region = 0; region < pn_arena_slot_count(); region = next_region(region))
		if (is_mapped(pool, region) && map_again(pool, region))
			return true;
	return true;
}

/* Returns false if the driver, by strict_phys, tells this process no physical addresses. */
static bool has_phys(const struct pinned_mem_info *info)
{
	return info->features & PINNED_MEM_FEATURE_PHYS;
}

static int populate_some(struct pn_pool *pool, size_t slot, size_t count, uint32_t flags,
			 uint64_t *phys)
{
	struct pinned_mem_populate request = {
		.size = sizeof(request),
		.flags = flags,
		.offset = (uint64_t)slot << PN_CHUNK_SHIFT,
		.count = (uint32_t)count,
		.memory_type = pool->memory.type,
		.node = pool->memory.node < 0 ? PINNED_MEM_NODE_ANY : pool->memory.node,
		.max_phys = pool->memory.max_phys,
		.phys_ptr = (uintptr_t)phys,
	};

	return pn_sys_ioctl(pool->fd.fd, PINNED_MEM_IOC_POPULATE, &request);
}

static int query(const struct pn_pool *pool, size_t slot, uint64_t *phys)
{
	struct pinned_mem_query request = {
		.size = sizeof(request),
		.offset = (uint64_t)slot << PN_CHUNK_SHIFT,
	};
	int err = pn_sys_ioctl(pool->fd.fd, PINNED_MEM_IOC_QUERY, &request);

	*phys = request.phys;
	return err;
}

static int punch_some(struct pn_pool *pool, size_t slot, size_t count)
{
	struct pinned_mem_punch request = {
		.size = sizeof(request),
		.offset = (uint64_t)slot << PN_CHUNK_SHIFT,
		.count = (uint32_t)count,
	};

	return pn_sys_ioctl(pool->fd.fd, PINNED_MEM_IOC_PUNCH, &request);
}

static size_t clamp_count(size_t count)
{
	return count < PINNED_MEM_COUNT_MAX ? count : PINNED_MEM_COUNT_MAX;
}

static int punch_all(struct pn_pool *pool, size_t slot, size_t count)
{
	int err = 0;

	while (count && !err) {
		size_t some = clamp_count(count);

		err = punch_some(pool, slot, some);
		slot += some;
		count -= some;
	}
	return err;
}

static int map_if_coherent(struct pn_pool *pool, size_t slot, size_t count)
{
	return pool->memory.type == PINNED_MEMORY_COHERENT ? map_regions(pool, slot, count) : 0;
}

/*
 * Gives populated slots back after a later step has failed with @err. Returns @err, or
 * PN_BACKEND_LOST if the driver does not take them back: nobody could use these slots again, so the
 * heap must open a new pool.
 */
static int undo_populate(struct pn_pool *pool, size_t slot, size_t count, int err)
{
	return punch_all(pool, slot, count) ? PN_BACKEND_LOST : err;
}

static int device_populate(struct pn_pool *pool, size_t slot, size_t count, uint64_t *phys)
{
	struct pinned_mem_info info;
	size_t done = 0;
	int err;

	if (is_lost(pool, &info))
		return PN_BACKEND_LOST;
	if (!has_phys(&info))
		memset(phys, 0xff, count * sizeof(*phys)); /* PN_PHYS_UNKNOWN */
	err = map_if_coherent(pool, slot, count);
	while (!err && done < count) {
		size_t some = clamp_count(count - done);

		err = populate_some(pool, slot + done, some, 0,
				    has_phys(&info) ? phys + done : NULL);
		if (!err)
			done += some;
	}
	if (!err)
		err = map_regions(pool, slot, count);
	if (err && done)
		err = undo_populate(pool, slot, done, err);
	if (err)
		unmap_empty_regions(pool, slot, count);
	return err;
}

/* Returns 0, an errno, PN_BACKEND_LOST or PN_BACKEND_FOREIGN. */
static int populate_contiguous(struct pn_pool *pool, size_t slot, size_t count, bool has_phys,
			       uint64_t *phys)
{
	int err = populate_some(pool, slot, count, PINNED_MEM_F_CONTIGUOUS, NULL);

	if (err)
		return err;
	*phys = PN_PHYS_UNKNOWN;
	if (has_phys)
		err = query(pool, slot, phys);
	if (!err)
		err = map_regions(pool, slot, count);
	return err ? undo_populate(pool, slot, count, err) : 0;
}

static int device_populate_run(struct pn_pool *pool, size_t slot, size_t count, uint64_t *phys)
{
	struct pinned_mem_info info;
	int err;

	if (is_lost(pool, &info))
		return PN_BACKEND_LOST;
	if (count > PINNED_MEM_COUNT_MAX)
		return ENOMEM;
	err = map_if_coherent(pool, slot, count);
	if (!err)
		err = populate_contiguous(pool, slot, count, has_phys(&info), phys);
	if (err)
		unmap_empty_regions(pool, slot, count);
	return err;
}

static int device_punch(struct pn_pool *pool, size_t slot, size_t count)
{
	struct pinned_mem_info info;
	int err;

	if (is_lost(pool, &info))
		return PN_BACKEND_LOST;
	err = punch_all(pool, slot, count);
	if (!err)
		unmap_empty_regions(pool, slot, count);
	return err;
}

static int device_sync(const struct pn_pool *pool, size_t offset, size_t len,
		       unsigned int directions, bool is_for_device)
{
	struct pinned_mem_info info;
	struct pinned_mem_sync request = {
		.size = sizeof(request),
		.flags = is_for_device ? PINNED_MEM_SYNC_FOR_DEVICE : PINNED_MEM_SYNC_FOR_CPU,
		.offset = offset,
		.length = len,
	};

	if (directions & PINNED_DEVICE_READS)
		request.flags |= PINNED_MEM_SYNC_DEVICE_READS;
	if (directions & PINNED_DEVICE_WRITES)
		request.flags |= PINNED_MEM_SYNC_DEVICE_WRITES;
	if (is_lost(pool, &info))
		return ENODEV;
	return pn_sys_ioctl(pool->fd.fd, PINNED_MEM_IOC_SYNC, &request);
}

static int device_export(const struct pn_pool *pool, size_t slot, size_t count, int *fd)
{
	struct pinned_mem_info info;
	struct pinned_mem_export request = {
		.size = sizeof(request),
		.offset = (uint64_t)slot << PN_CHUNK_SHIFT,
		.count = (uint32_t)count,
	};
	int err;

	if (is_lost(pool, &info))
		return ENODEV;
	if (count > PINNED_MEM_COUNT_MAX)
		return EFBIG;
	err = pn_sys_ioctl(pool->fd.fd, PINNED_MEM_IOC_EXPORT, &request);
	*fd = request.fd;
	return err;
}

static void device_unmap(struct pn_pool *pool)
{
	for (size_t region = 0; region < pn_arena_slot_count(); region = next_region(region))
		if (is_mapped(pool, region))
			unmap_region(region);
}

/*
 * In a process that filters its system calls, even checking what the descriptor refers to may be
 * fatal. There the descriptor is forgotten without closing it.
 */
static void device_disown(struct pn_pool *pool)
{
	if (pn_confined_ask())
		pool->fd = (struct pn_fd)PN_FD_NONE;
	else
		pn_fd_drop(&pool->fd);
}

const struct pn_backend pn_backend_device = {
	.name = "device",
	.open = device_open,
	.populate = device_populate,
	.populate_run = device_populate_run,
	.punch = device_punch,
	.sync = device_sync,
	.export = device_export,
	.unmap = device_unmap,
	.disown = device_disown,
	.remap = device_remap,
};

/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The ioctl interface of /dev/pinned_mem, version 1.
 *
 * Pool.  Each open of /dev/pinned_mem is a pool: a sparse file of chunks.  A
 * chunk is PINNED_MEM_CHUNK_SIZE bytes of physically contiguous memory that
 * starts zeroed, is aligned to its size, never moves and is never paged out.
 * File offset N * PINNED_MEM_CHUNK_SIZE is slot N.  POPULATE fills slots with
 * chunks, PUNCH empties them, QUERY describes the chunk in a slot, and mmap()
 * maps slots.
 *
 * Mapping.  mmap() must be MAP_SHARED.  PROT_EXEC is allowed, unless the parameter
 * allow_exec is off; then mmap() fails with EACCES.  A mapping may cover slots that are
 * still empty.  An access to an empty slot raises SIGBUS.  A kernel with
 * PINNED_MEM_FEATURE_HUGE_MAP maps a chunk with one huge entry where the virtual
 * address and the file offset are congruent modulo the chunk size.  Elsewhere,
 * chunks are mapped with small pages.
 *
 * Ownership.  A pool belongs to the address space that opened it.  In any other
 * address space (of a forked child, or of a process that has received the
 * descriptor), ioctl() and mmap() fail with EPERM, except for INFO.  A forked
 * child inherits the mappings as a snapshot of the moment of the fork; the owner
 * keeps its chunks and their physical addresses.  Children that only read share
 * the owner's pages.  A page is copied for the child when the child first writes
 * to it, or when the owner first touches it.  Until the child has written to the
 * page, it may or may not see what a device writes to the page after the fork.
 * A mapping that a fork has split (INFO.split_mappings) uses small pages, also
 * after all snapshots have ended, until the owner replaces it by mmap() with
 * MAP_FIXED.  If there is no memory for a child's copy, the child receives SIGBUS.
 *
 * End of life.  A chunk is in use as long as a slot, a dma-buf, or a range that
 * was lent to another driver refers to it, and its pages are in use as long as
 * somebody maps or pins them.  If an owner dies, or closes its pool without
 * PUNCH, the chunks whose physical addresses were disclosed (by POPULATE or
 * QUERY, or to a device by EXPORT or another driver) stay in quarantine, for the
 * parameter quarantine_ms, before they are reused.
 *
 * Pins.  PIN holds pages that the owner has mapped by itself: a stack, static memory,
 * anonymous memory, shared memory, a file of a tmpfs, huge pages. The pages stay
 * allocated, and are not moved or paged out, until UNPIN, or until the pool ends, whatever
 * happens to the mapping. But after munmap(), mremap(), madvise(MADV_DONTNEED), truncation
 * or the like, the pages are not those of the range any more: the pin is gone. Before
 * the change takes effect, the driver sets PINNED_MEM_PIN_GONE in the notice, a __u32 of
 * the caller's memory. The lower 31 bits of the notice belong to the caller, who counts
 * there the uses of the pin. If they are 0 when the pin goes, then the driver ends the pin
 * at once, as UNPIN does. So the caller may keep a pin without use, and use it again, by
 * an atomic addition that finds the bit clear, without a system call. The kernel may also
 * report a pin as gone although the pages are still those of the range, for example when
 * it splits a huge page; then the caller pins the range again. After a change of
 * protection, and in the parent after a fork, a pin is still valid. A forked child has no
 * pins. Give the notice a page with MADV_WIPEONFORK, so that a child finds none. If an
 * owner closes its pool or dies without UNPIN, and was told addresses, then the pages stay
 * pinned and charged for quarantine_ms. The pins of a pool are charged as the smallest
 * number of chunks that would hold all their pages, with one page for each notice.
 *
 * Structures.  Each begins with its size and with flags.  The layout is the
 * same for 32-bit and 64-bit callers.  Later versions add fields at the end, and
 * 0 in such a field means what a version without the field did.  So the kernel
 * accepts a structure that is shorter than its own, down to the first version's,
 * and a longer one whose rest is 0; a longer one whose rest is not 0 gives E2BIG.
 * A size that is less than the first version's, a flag that the kernel does not
 * know or a reserved field that is not zero gives EINVAL.  In all these cases
 * nothing has changed.
 *
 * Errors common to all: EINVAL and E2BIG as above; EINVAL for an offset that is not a
 * multiple of the chunk size (QUERY and SYNC accept any offset), a count of 0 or of
 * more than PINNED_MEM_COUNT_MAX, a length of 0, or a range that ends beyond the pool;
 * EPERM from a foreign address space; EFAULT for memory of the caller that cannot be
 * read or written; ENOTTY for an unknown request.
 */
#ifndef _UAPI_PINNED_MEM_H
#define _UAPI_PINNED_MEM_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PINNED_MEM_DEVICE	"/dev/pinned_mem"
#define PINNED_MEM_ABI_VERSION	1

#define PINNED_MEM_CHUNK_SHIFT	21
#define PINNED_MEM_CHUNK_SIZE	(1ULL << PINNED_MEM_CHUNK_SHIFT)

/* The maximum number of slots in one POPULATE, PUNCH or EXPORT: 8 GiB. */
#define PINNED_MEM_COUNT_MAX	4096

/* Memory types. INFO.features contains PINNED_MEM_FEATURE_* for each supported type. */
#define PINNED_MEM_TYPE_COHERENT	0
#define PINNED_MEM_TYPE_UNCACHED	1
#define PINNED_MEM_TYPE_WRITE_COMBINE	2
#define PINNED_MEM_TYPE_CACHED		3

/* POPULATE.node: take memory from any node, and try the caller's own node first. */
#define PINNED_MEM_NODE_ANY	(-1)
/* POPULATE.max_phys: no ceiling. */
#define PINNED_MEM_PHYS_ANY	(~0ULL)

/*
 * POPULATE.sources: where memory may be taken from. The driver tries the sources in
 * this order; 0 means all of them.
 */
#define PINNED_MEM_SOURCE_RESERVE	(1U << 0) /* set aside and zeroed beforehand */
#define PINNED_MEM_SOURCE_BUDDY		(1U << 1) /* the page allocator */
#define PINNED_MEM_SOURCE_CMA		(1U << 2) /* the contiguous memory allocator */
#define PINNED_MEM_SOURCE_CARVEOUT	(1U << 3) /* reserved at boot */

/* POPULATE.flags: make the slots one physically contiguous run. */
#define PINNED_MEM_F_CONTIGUOUS	(1U << 0)

/* INFO.features */
#define PINNED_MEM_FEATURE_COHERENT	(1U << 0)
#define PINNED_MEM_FEATURE_UNCACHED	(1U << 1)
#define PINNED_MEM_FEATURE_WRITE_COMBINE (1U << 2)
#define PINNED_MEM_FEATURE_CACHED	(1U << 3)
#define PINNED_MEM_FEATURE_CONTIGUOUS	(1U << 4)
/* The kernel can map chunks with huge entries. */
#define PINNED_MEM_FEATURE_HUGE_MAP	(1U << 5)
/* The caller may learn physical addresses. */
#define PINNED_MEM_FEATURE_PHYS		(1U << 6)
/* EXPORT is available. */
#define PINNED_MEM_FEATURE_EXPORT	(1U << 7)
/* PIN and UNPIN are available: the kernel has MMU notifiers. */
#define PINNED_MEM_FEATURE_PIN		(1U << 8)

/* The bit of a notice that says that a pin is gone. */
#define PINNED_MEM_PIN_GONE	(1U << 31)

/* SYNC.flags: before the device reads or writes; after it has written, before the CPU reads. */
#define PINNED_MEM_SYNC_FOR_DEVICE	(1U << 0)
#define PINNED_MEM_SYNC_FOR_CPU		(1U << 1)
/* SYNC.flags: what the device does; without either, both are assumed. */
#define PINNED_MEM_SYNC_DEVICE_READS	(1U << 2)
#define PINNED_MEM_SYNC_DEVICE_WRITES	(1U << 3)

/**
 * struct pinned_mem_info - describes the driver and this pool
 * @size:	in: sizeof(struct pinned_mem_info)
 * @flags:	in: 0
 * @abi_version: out: PINNED_MEM_ABI_VERSION of the driver
 * @features:	out: PINNED_MEM_FEATURE_*
 * @chunk_size:	out: bytes in a chunk
 * @pool_size:	out: bytes of file offsets in a pool
 * @pool_id:	out: a number that no other open of the device has had since load
 * @pool_chunks: out: chunks in this pool's slots
 * @used_chunks: out: chunks that somebody holds: a pool, a dma-buf, another driver or a pipe
 * @limit_chunks: out: the maximum of @used_chunks and @resting_chunks together. The
 *		copies in @snapshot_pages may take half as much in addition; what they
 *		take beyond that is missing for chunks
 * @user_chunks: out: chunks charged to the user who opened this pool, until their
 *		memory is free
 * @user_limit_chunks: out: the maximum of @user_chunks; 0: no such limit
 * @pool_limit_chunks: out: the maximum of @pool_chunks together with the chunks that have
 *		left the pool's slots and are not free yet; 0: no such limit
 * @snapshot_pages: out: pages that were copied for forked children of all pools
 * @resting_chunks: out: chunks of dead owners that are in quarantine
 * @reserve_chunks: out: free chunks of the reserve
 * @snapshots:	out: snapshots of this pool, of forked children and their descendants
 * @split_mappings: out: the owner's mappings that a fork has put on small pages
 * @mappings:	out: the owner's mappings of this pool, which the kernel never merges. If
 *		there are more than the owner has made, then mprotect(), munmap() or the
 *		like have split some
 * @reserved:	out: 0
 *
 * Only INFO is also allowed in a foreign address space.
 */
struct pinned_mem_info {
	__u32 size;
	__u32 flags;
	__u32 abi_version;
	__u32 features;
	__u64 chunk_size;
	__u64 pool_size;
	__u64 pool_id;
	__u64 pool_chunks;
	__u64 used_chunks;
	__u64 limit_chunks;
	__u64 user_chunks;
	__u64 user_limit_chunks;
	__u64 pool_limit_chunks;
	__u64 snapshot_pages;
	__u64 resting_chunks;
	__u64 reserve_chunks;
	__u32 snapshots;
	__u32 split_mappings;
	__u32 mappings;
	__u32 reserved;
};

/**
 * struct pinned_mem_populate - fill slots with zeroed chunks
 * @size:	in: sizeof(struct pinned_mem_populate)
 * @flags:	in: PINNED_MEM_F_*
 * @offset:	in: first slot, as a file offset in bytes
 * @count:	in: slots, 1 to PINNED_MEM_COUNT_MAX
 * @memory_type: in: PINNED_MEM_TYPE_*
 * @node:	in: NUMA node, or PINNED_MEM_NODE_ANY
 * @sources:	in: PINNED_MEM_SOURCE_*, or 0
 * @max_phys:	in: the highest physical address that any byte may have, or
 *		PINNED_MEM_PHYS_ANY
 * @phys_ptr:	in: address of an array of @count __u64, which receives the
 *		physical address of each slot's first byte; or 0
 *
 * All slots are filled, or none. Errors: EEXIST, a slot is already filled;
 * EBUSY, the pool has chunks of another memory type;
 * ENOMEM, no such memory is free (the kernel has reclaimed and compacted what it
 * could without killing a process), or RLIMIT_MEMLOCK is exceeded where it is
 * charged; EDQUOT, a limit is exceeded; EOPNOTSUPP, this kernel's features do not
 * contain the memory type; EINVAL, no such memory type, source or node, or a node that
 * the caller's cpuset does not allow, or a ceiling below one chunk; EPERM, the caller
 * may not learn physical addresses, but requests them or a ceiling other than
 * PINNED_MEM_PHYS_ANY and 4 GiB - 1, which would disclose them; EINTR, a fatal signal.
 */
struct pinned_mem_populate {
	__u32 size;
	__u32 flags;
	__u64 offset;
	__u32 count;
	__u32 memory_type;
	__s32 node;
	__u32 sources;
	__u64 max_phys;
	__u64 phys_ptr;
};

/**
 * struct pinned_mem_punch - empty slots
 * @size:	in: sizeof(struct pinned_mem_punch)
 * @flags:	in: 0
 * @offset:	in: first slot, as a file offset in bytes
 * @count:	in: slots, 1 to PINNED_MEM_COUNT_MAX
 * @reserved:	in: 0
 *
 * All slots are emptied, or none (ENOENT, one of them is empty already; EINTR, a
 * fatal signal arrived while copies for forked children were made). The
 * chunks disappear from the owner's mappings. A chunk with a page that somebody
 * else has pinned (direct I/O, RDMA, ...) is freed after the last pin has ended. A
 * chunk that is in a dma-buf or lent to a driver is freed when these release it.
 * Snapshots keep their content.
 */
struct pinned_mem_punch {
	__u32 size;
	__u32 flags;
	__u64 offset;
	__u32 count;
	__u32 reserved;
};

/**
 * struct pinned_mem_query - the chunk at an offset
 * @size:	in: sizeof(struct pinned_mem_query)
 * @flags:	in: 0
 * @offset:	in: any file offset in the pool, need not be aligned
 *
 * All other members must be 0 on input.
 *
 * @phys:	out: physical address of the byte at @offset
 * @length:	out: physically contiguous bytes in filled slots from @offset on,
 *		up to PINNED_MEM_COUNT_MAX slots
 * @memory_type: out: PINNED_MEM_TYPE_*
 * @node:	out: NUMA node
 * @source:	out: PINNED_MEM_SOURCE_* that the chunk at @offset came from
 * @reserved:	in: 0
 *
 * Errors: ENOENT, the slot is empty; EPERM, the caller may not learn physical
 * addresses.
 */
struct pinned_mem_query {
	__u32 size;
	__u32 flags;
	__u64 offset;
	__u64 phys;
	__u64 length;
	__u32 memory_type;
	__s32 node;
	__u32 source;
	__u32 reserved;
};

/**
 * struct pinned_mem_sync - make CPU and devices see the same content
 * @size:	in: sizeof(struct pinned_mem_sync)
 * @flags:	in: PINNED_MEM_SYNC_*, at least one of FOR_DEVICE and FOR_CPU
 * @offset:	in: first byte, as a file offset
 * @length:	in: bytes, at least 1; all in filled slots
 *
 * SYNC is needed for memory of type CACHED on platforms whose devices do not see
 * the CPU's caches. Elsewhere, and for other types, it costs a system call and
 * has no effect. The range is widened to whole cache lines, so the other side
 * must not use anything that shares a line with it. Error: ENOENT, an empty slot.
 */
struct pinned_mem_sync {
	__u32 size;
	__u32 flags;
	__u64 offset;
	__u64 length;
};

/**
 * struct pinned_mem_export - a dma-buf of slots
 * @size:	in: sizeof(struct pinned_mem_export)
 * @flags:	in: 0
 * @offset:	in: first slot, as a file offset in bytes
 * @count:	in: slots, 1 to PINNED_MEM_COUNT_MAX, all filled
 * @fd:		in: 0; out: a descriptor, opened with O_CLOEXEC and O_RDWR
 *
 * The dma-buf keeps the chunks even after the pool has ended. Errors: ENOENT, an
 * empty slot; EACCES, the descriptor is not open for writing; EMFILE; ENOMEM.
 */
struct pinned_mem_export {
	__u32 size;
	__u32 flags;
	__u64 offset;
	__u32 count;
	__s32 fd;
};

/**
 * struct pinned_mem_extent - physically contiguous bytes
 * @phys:	physical address of the first byte
 * @length:	bytes
 */
struct pinned_mem_extent {
	__u64 phys;
	__u64 length;
};

/**
 * struct pinned_mem_pin - pin the caller's own memory
 * @size:	in: sizeof(struct pinned_mem_pin)
 * @flags:	in: 0
 * @address:	in: first byte, any alignment
 * @length:	in: bytes, 1 to PINNED_MEM_COUNT_MAX * PINNED_MEM_CHUNK_SIZE
 * @extents_ptr: in: address of an array of struct pinned_mem_extent, which receives the
 *		physical addresses of the range; or 0
 * @extents_count: in: entries of the array; out: extents of the range, which may be more
 *		than the array has room for; 0 if @extents_ptr is 0
 * @id:		in: 0; out: the pin's number, which is not 0
 * @notice_ptr:	in: address of the notice, a multiple of 4; or 0
 *
 * The whole range is pinned, or nothing. Pages that were not there yet are faulted in.
 * Errors: EFAULT, a part of the range is not mapped, is not writable, is a guard page or
 * secret memory, is mapped from a device or a pool, or is a shared mapping of a file that
 * is not in a tmpfs or hugetlbfs;
 * EOPNOTSUPP, the kernel cannot pin such a file for long, or has no MMU notifiers; EDQUOT,
 * a limit is exceeded; ENOMEM, no memory, or RLIMIT_MEMLOCK is exceeded where it is
 * charged, or a page cannot leave memory that must stay movable; EHWPOISON, the memory has
 * failed; EACCES, the descriptor is not open for writing; EPERM, the caller requests
 * physical addresses, but may not learn them; EINTR, a fatal signal.
 */
struct pinned_mem_pin {
	__u32 size;
	__u32 flags;
	__u64 address;
	__u64 length;
	__u64 extents_ptr;
	__u32 extents_count;
	__u32 id;
	__u64 notice_ptr;
};

/**
 * struct pinned_mem_unpin - end a pin
 * @size:	in: sizeof(struct pinned_mem_unpin)
 * @flags:	in: 0
 * @id:		in: number of a pin of this pool
 * @reserved:	in: 0
 *
 * Error: ENOENT, there is no such pin, or the driver has ended it.
 */
struct pinned_mem_unpin {
	__u32 size;
	__u32 flags;
	__u32 id;
	__u32 reserved;
};

#define PINNED_MEM_IOC_MAGIC	0xB6
#define PINNED_MEM_IOC_INFO	_IOWR(PINNED_MEM_IOC_MAGIC, 0, struct pinned_mem_info)
#define PINNED_MEM_IOC_POPULATE	_IOW(PINNED_MEM_IOC_MAGIC, 1, struct pinned_mem_populate)
#define PINNED_MEM_IOC_PUNCH	_IOW(PINNED_MEM_IOC_MAGIC, 2, struct pinned_mem_punch)
#define PINNED_MEM_IOC_QUERY	_IOWR(PINNED_MEM_IOC_MAGIC, 3, struct pinned_mem_query)
#define PINNED_MEM_IOC_SYNC	_IOW(PINNED_MEM_IOC_MAGIC, 4, struct pinned_mem_sync)
#define PINNED_MEM_IOC_EXPORT	_IOWR(PINNED_MEM_IOC_MAGIC, 5, struct pinned_mem_export)
#define PINNED_MEM_IOC_PIN	_IOWR(PINNED_MEM_IOC_MAGIC, 6, struct pinned_mem_pin)
#define PINNED_MEM_IOC_UNPIN	_IOW(PINNED_MEM_IOC_MAGIC, 7, struct pinned_mem_unpin)

#endif /* _UAPI_PINNED_MEM_H */

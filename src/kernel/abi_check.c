// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compares every size, offset and number of the ioctl interface with a literal, so that no edit,
 * compiler or word size changes one of them unnoticed. The driver compiles this file into the
 * module; test/abi compiles it for 32-bit and 64-bit user space. The file generates no code.
 */
#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/stddef.h>
#else
#include <assert.h>
#include <stddef.h>
#endif
#include <uapi/pinned_mem.h>

#define FIELD(type, name, where) \
	static_assert(offsetof(struct pinned_mem_##type, name) == (where), #type "." #name)

static_assert(sizeof(struct pinned_mem_info) == 128, "sizeof info");
FIELD(info, size, 0);
FIELD(info, flags, 4);
FIELD(info, abi_version, 8);
FIELD(info, features, 12);
FIELD(info, chunk_size, 16);
FIELD(info, pool_size, 24);
FIELD(info, pool_id, 32);
FIELD(info, pool_chunks, 40);
FIELD(info, used_chunks, 48);
FIELD(info, limit_chunks, 56);
FIELD(info, user_chunks, 64);
FIELD(info, user_limit_chunks, 72);
FIELD(info, pool_limit_chunks, 80);
FIELD(info, snapshot_pages, 88);
FIELD(info, resting_chunks, 96);
FIELD(info, reserve_chunks, 104);
FIELD(info, snapshots, 112);
FIELD(info, split_mappings, 116);
FIELD(info, mappings, 120);
FIELD(info, reserved, 124);

static_assert(sizeof(struct pinned_mem_populate) == 48, "sizeof populate");
FIELD(populate, size, 0);
FIELD(populate, flags, 4);
FIELD(populate, offset, 8);
FIELD(populate, count, 16);
FIELD(populate, memory_type, 20);
FIELD(populate, node, 24);
FIELD(populate, sources, 28);
FIELD(populate, max_phys, 32);
FIELD(populate, phys_ptr, 40);

static_assert(sizeof(struct pinned_mem_punch) == 24, "sizeof punch");
FIELD(punch, size, 0);
FIELD(punch, flags, 4);
FIELD(punch, offset, 8);
FIELD(punch, count, 16);
FIELD(punch, reserved, 20);

static_assert(sizeof(struct pinned_mem_query) == 48, "sizeof query");
FIELD(query, size, 0);
FIELD(query, flags, 4);
FIELD(query, offset, 8);
FIELD(query, phys, 16);
FIELD(query, length, 24);
FIELD(query, memory_type, 32);
FIELD(query, node, 36);
FIELD(query, source, 40);
FIELD(query, reserved, 44);

static_assert(sizeof(struct pinned_mem_sync) == 24, "sizeof sync");
FIELD(sync, size, 0);
FIELD(sync, flags, 4);
FIELD(sync, offset, 8);
FIELD(sync, length, 16);

static_assert(sizeof(struct pinned_mem_export) == 24, "sizeof export");
FIELD(export, size, 0);
FIELD(export, flags, 4);
FIELD(export, offset, 8);
FIELD(export, count, 16);
FIELD(export, fd, 20);

static_assert(sizeof(struct pinned_mem_extent) == 16, "sizeof extent");
FIELD(extent, phys, 0);
FIELD(extent, length, 8);

static_assert(sizeof(struct pinned_mem_pin) == 48, "sizeof pin");
FIELD(pin, size, 0);
FIELD(pin, flags, 4);
FIELD(pin, address, 8);
FIELD(pin, length, 16);
FIELD(pin, extents_ptr, 24);
FIELD(pin, extents_count, 32);
FIELD(pin, id, 36);
FIELD(pin, notice_ptr, 40);

static_assert(sizeof(struct pinned_mem_unpin) == 16, "sizeof unpin");
FIELD(unpin, size, 0);
FIELD(unpin, flags, 4);
FIELD(unpin, id, 8);
FIELD(unpin, reserved, 12);

static_assert(PINNED_MEM_IOC_INFO == 0xc080b600, "INFO");
static_assert(PINNED_MEM_IOC_POPULATE == 0x4030b601, "POPULATE");
static_assert(PINNED_MEM_IOC_PUNCH == 0x4018b602, "PUNCH");
static_assert(PINNED_MEM_IOC_QUERY == 0xc030b603, "QUERY");
static_assert(PINNED_MEM_IOC_SYNC == 0x4018b604, "SYNC");
static_assert(PINNED_MEM_IOC_EXPORT == 0xc018b605, "EXPORT");
static_assert(PINNED_MEM_IOC_PIN == 0xc030b606, "PIN");
static_assert(PINNED_MEM_IOC_UNPIN == 0x4010b607, "UNPIN");

static_assert(PINNED_MEM_ABI_VERSION == 1, "version");
static_assert(PINNED_MEM_CHUNK_SIZE == 2097152, "chunk");
static_assert(PINNED_MEM_COUNT_MAX == 4096, "count");
static_assert(PINNED_MEM_F_CONTIGUOUS == 1, "flag");
static_assert(PINNED_MEM_TYPE_COHERENT == 0 && PINNED_MEM_TYPE_UNCACHED == 1 &&
		      PINNED_MEM_TYPE_WRITE_COMBINE == 2 && PINNED_MEM_TYPE_CACHED == 3,
	      "types");
static_assert(PINNED_MEM_FEATURE_COHERENT == 1 && PINNED_MEM_FEATURE_UNCACHED == 2 &&
		      PINNED_MEM_FEATURE_WRITE_COMBINE == 4 && PINNED_MEM_FEATURE_CACHED == 8 &&
		      PINNED_MEM_FEATURE_CONTIGUOUS == 16 && PINNED_MEM_FEATURE_HUGE_MAP == 32 &&
		      PINNED_MEM_FEATURE_PHYS == 64 && PINNED_MEM_FEATURE_EXPORT == 128 &&
		      PINNED_MEM_FEATURE_PIN == 256 && PINNED_MEM_PIN_GONE == 0x80000000,
	      "features");
static_assert(PINNED_MEM_SOURCE_RESERVE == 1 && PINNED_MEM_SOURCE_BUDDY == 2 &&
		      PINNED_MEM_SOURCE_CMA == 4 && PINNED_MEM_SOURCE_CARVEOUT == 8,
	      "sources");
static_assert(PINNED_MEM_SYNC_FOR_DEVICE == 1 && PINNED_MEM_SYNC_FOR_CPU == 2 &&
		      PINNED_MEM_SYNC_DEVICE_READS == 4 && PINNED_MEM_SYNC_DEVICE_WRITES == 8,
	      "sync");

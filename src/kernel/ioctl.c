// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl interface: copies the argument in, checks all of it, makes one call into the driver,
 * and copies the result back. This file has no policy, no state, and no lock.
 *
 * The number alone identifies a request. The size in the request and the size in the structure must
 * agree. A structure may have any size from the first release's up. Members that the caller's
 * structure lacks are taken as 0; members that this kernel does not know must be 0, or the request
 * fails with E2BIG, as in other extensible system calls.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/cpuset.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/nodemask.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>

#include "chunk.h"
#include "export.h"
#include "ioctl.h"
#include "memtype.h"
#include "page.h"
#include "pin.h"
#include "pool.h"
#include "limits.h"
#include "quota.h"
#include "reserve.h"
#include "source.h"

#define SOURCES_ALL                                                                    \
	(PINNED_MEM_SOURCE_RESERVE | PINNED_MEM_SOURCE_BUDDY | PINNED_MEM_SOURCE_CMA | \
	 PINNED_MEM_SOURCE_CARVEOUT)

union pinned_arg {
	struct {
		__u32 size;
		__u32 flags;
	};
	struct pinned_mem_info info;
	struct pinned_mem_populate populate;
	struct pinned_mem_punch punch;
	struct pinned_mem_query query;
	struct pinned_mem_sync sync;
	struct pinned_mem_export export;
	struct pinned_mem_pin pin;
	struct pinned_mem_unpin unpin;
};

/**
 * struct pinned_call - one call's argument, and what depends on whether the caller gets the result
 * @arg:	copied in, and out again
 * @may_write:	the descriptor is open for writing
 * @file:	a file to install at @fd; or NULL
 * @fd:		an unused descriptor, reserved for @file
 * @pin:	a pin to end unless the caller gets the result; or 0
 */
struct pinned_call {
	union pinned_arg arg;
	bool may_write;
	struct file *file;
	int fd;
	u32 pin;
};

/**
 * struct pinned_request - one request
 * @name:	name for the log
 * @cmd:	number, direction, and size of the structure as this kernel knows it
 * @first_size:	size of the structure in the first release, 0.1.0, in bytes
 * @known_flags: flags that this kernel knows
 * @is_for_owner: the request is refused in another address space than the owner's
 * @execute:	executes the request
 */
struct pinned_request {
	const char *name;
	unsigned int cmd;
	u32 first_size;
	u32 known_flags;
	bool is_for_owner;
	int (*execute)(struct pinned_pool *pool, struct pinned_call *call);
};

static bool strict_phys;
module_param(strict_phys, bool, 0644);
MODULE_PARM_DESC(strict_phys, "disclose physical addresses only to CAP_SYS_RAWIO");

static bool may_learn_phys(void)
{
	return !READ_ONCE(strict_phys) || capable(CAP_SYS_RAWIO);
}

/*
 * Returns true if the caller may set this ceiling. The success of a request discloses on which side
 * of the ceiling a chunk lies, so a series of requests could find the chunk's address. A caller who
 * may not learn addresses can choose only no ceiling, or the one that 32-bit devices need.
 */
static bool may_use_ceiling(u64 max_phys)
{
	return max_phys == PINNED_MEM_PHYS_ANY || max_phys == DMA_BIT_MASK(32) || may_learn_phys();
}

static int do_info(struct pinned_pool *pool, struct pinned_call *call)
{
	struct pinned_mem_info *info = &call->arg.info;

	info->abi_version = PINNED_MEM_ABI_VERSION;
	info->features = pinned_memtype_features() |
			 (pinned_page_maps_huge() ? PINNED_MEM_FEATURE_HUGE_MAP : 0) |
			 PINNED_MEM_FEATURE_EXPORT | PINNED_MEM_FEATURE_CONTIGUOUS |
			 (IS_ENABLED(CONFIG_MMU_NOTIFIER) ? PINNED_MEM_FEATURE_PIN : 0) |
			 (may_learn_phys() ? PINNED_MEM_FEATURE_PHYS : 0);
	info->chunk_size = PINNED_MEM_CHUNK_SIZE;
	info->pool_size = PINNED_POOL_SIZE;
	info->pool_id = pool->id;
	info->pool_chunks = pinned_pool_chunks(pool);
	info->used_chunks = pinned_quota_used();
	info->limit_chunks = pinned_limit_all();
	info->user_chunks = pinned_account_user_chunks(pool->account);
	info->user_limit_chunks = pinned_limit_user();
	info->pool_limit_chunks = pinned_limit_pool();
	info->snapshot_pages = pinned_quota_copies();
	info->resting_chunks = pinned_quota_resting();
	info->reserve_chunks = pinned_reserve_free(NUMA_NO_NODE);
	pinned_pool_count_mappings(pool, info);
	return 0;
}

static bool is_range_valid(u64 offset, u32 count)
{
	const u64 slots = PINNED_POOL_SIZE >> PINNED_MEM_CHUNK_SHIFT;
	u64 slot = offset >> PINNED_MEM_CHUNK_SHIFT;

	return !(offset & (PINNED_MEM_CHUNK_SIZE - 1)) && slot < slots && count >= 1 &&
	       count <= PINNED_MEM_COUNT_MAX && count <= slots - slot;
}

/* Returns the NUMA nodes from which the caller's cpuset allows memory. */
static nodemask_t allowed_nodes(void)
{
	nodemask_t allowed;

	/* Changes of the mask take the same lock. */
	task_lock(current);
	allowed = cpuset_current_mems_allowed;
	task_unlock(current);
	return allowed;
}

static bool is_node_valid(s32 node, const nodemask_t *allowed)
{
	return node == PINNED_MEM_NODE_ANY || (node >= 0 && node < MAX_NUMNODES &&
					       node_online(node) && node_isset(node, *allowed));
}

static int do_populate(struct pinned_pool *pool, struct pinned_call *call)
{
	const struct pinned_mem_populate *p = &call->arg.populate;
	struct pinned_policy policy = {
		.node = p->node == PINNED_MEM_NODE_ANY ? NUMA_NO_NODE : p->node,
		.allowed = allowed_nodes(),
		.max_phys = p->max_phys,
		.is_contiguous = p->flags & PINNED_MEM_F_CONTIGUOUS,
		.memory_type = p->memory_type,
		.sources = p->sources ?: SOURCES_ALL,
	};
	u64 __user *phys = u64_to_user_ptr(p->phys_ptr);

	if (p->sources & ~SOURCES_ALL || !is_range_valid(p->offset, p->count) ||
	    !is_node_valid(p->node, &policy.allowed) || p->max_phys < PINNED_MEM_CHUNK_SIZE - 1 ||
	    p->memory_type > PINNED_MEM_TYPE_CACHED)
		return -EINVAL;
	/* The bit number of a type's feature is the type's number. */
	if (!(pinned_memtype_features() & BIT(p->memory_type)))
		return -EOPNOTSUPP;
	if ((phys && !may_learn_phys()) || !may_use_ceiling(p->max_phys))
		return -EPERM;
	return pinned_pool_populate(pool, p->offset >> PINNED_MEM_CHUNK_SHIFT, p->count, &policy,
				    phys);
}

static int do_punch(struct pinned_pool *pool, struct pinned_call *call)
{
	const struct pinned_mem_punch *p = &call->arg.punch;

	if (p->reserved || !is_range_valid(p->offset, p->count))
		return -EINVAL;
	return pinned_pool_punch(pool, p->offset >> PINNED_MEM_CHUNK_SHIFT, p->count);
}

static int do_query(struct pinned_pool *pool, struct pinned_call *call)
{
	struct pinned_mem_query *q = &call->arg.query;
	u64 in_chunk = q->offset & (PINNED_MEM_CHUNK_SIZE - 1);
	struct pinned_run run;
	int err;

	if (q->phys || q->length || q->memory_type || q->node || q->source || q->reserved ||
	    q->offset >= PINNED_POOL_SIZE)
		return -EINVAL;
	if (!may_learn_phys())
		return -EPERM;
	err = pinned_pool_query(pool, q->offset >> PINNED_MEM_CHUNK_SHIFT, &run);
	if (err)
		return err;
	q->phys = run.phys + in_chunk;
	q->length = run.slots * PINNED_MEM_CHUNK_SIZE - in_chunk;
	q->memory_type = run.memory_type;
	q->node = run.node;
	q->source = run.source;
	return 0;
}

#define SYNC_FLAGS                                                                             \
	(PINNED_MEM_SYNC_FOR_DEVICE | PINNED_MEM_SYNC_FOR_CPU | PINNED_MEM_SYNC_DEVICE_READS | \
	 PINNED_MEM_SYNC_DEVICE_WRITES)

static int do_sync(struct pinned_pool *pool, struct pinned_call *call)
{
	const struct pinned_mem_sync *s = &call->arg.sync;

	if (!(s->flags & (PINNED_MEM_SYNC_FOR_DEVICE | PINNED_MEM_SYNC_FOR_CPU)) || !s->length ||
	    s->offset >= PINNED_POOL_SIZE || s->length > PINNED_POOL_SIZE - s->offset)
		return -EINVAL;
	return pinned_pool_sync(pool, s->offset, s->length, s->flags);
}

static int do_export(struct pinned_pool *pool, struct pinned_call *call)
{
	struct pinned_mem_export *e = &call->arg.export;
	struct file *file;

	if (e->fd || !is_range_valid(e->offset, e->count))
		return -EINVAL;
	/* Whoever maps a dma-buf can write to it, and so can devices. */
	if (!call->may_write)
		return -EACCES;
	e->fd = get_unused_fd_flags(O_CLOEXEC);
	if (e->fd < 0)
		return e->fd;
	file = pinned_export_slots(pool, e->offset >> PINNED_MEM_CHUNK_SHIFT, e->count);
	if (IS_ERR(file)) {
		put_unused_fd(e->fd);
		return PTR_ERR(file);
	}
	call->file = file;
	call->fd = e->fd;
	return 0;
}

static int do_pin(struct pinned_pool *pool, struct pinned_call *call)
{
	struct pinned_mem_pin *p = &call->arg.pin;
	int err;

	/* A device may write to what was pinned. */
	if (!call->may_write)
		return -EACCES;
	if (p->extents_ptr && !may_learn_phys())
		return -EPERM;
	err = pinned_pin_begin(pool, p);
	if (!err)
		call->pin = p->id;
	return err;
}

static int do_unpin(struct pinned_pool *pool, struct pinned_call *call)
{
	const struct pinned_mem_unpin *u = &call->arg.unpin;

	return u->reserved ? -EINVAL : pinned_pin_end(pool, u->id);
}

/* Indexed by request number. */
static const struct pinned_request requests[] = {
	{ "INFO", PINNED_MEM_IOC_INFO, 128, 0, false, do_info },
	{ "POPULATE", PINNED_MEM_IOC_POPULATE, 48, PINNED_MEM_F_CONTIGUOUS, true, do_populate },
	{ "PUNCH", PINNED_MEM_IOC_PUNCH, 24, 0, true, do_punch },
	{ "QUERY", PINNED_MEM_IOC_QUERY, 48, 0, true, do_query },
	{ "SYNC", PINNED_MEM_IOC_SYNC, 24, SYNC_FLAGS, true, do_sync },
	{ "EXPORT", PINNED_MEM_IOC_EXPORT, 24, 0, true, do_export },
	{ "PIN", PINNED_MEM_IOC_PIN, 48, 0, true, do_pin },
	{ "UNPIN", PINNED_MEM_IOC_UNPIN, 16, 0, true, do_unpin },
};

static const struct pinned_request *find_request(unsigned int cmd)
{
	if (_IOC_TYPE(cmd) != PINNED_MEM_IOC_MAGIC || _IOC_NR(cmd) >= ARRAY_SIZE(requests) ||
	    _IOC_DIR(cmd) != _IOC_DIR(requests[_IOC_NR(cmd)].cmd))
		return NULL;
	return &requests[_IOC_NR(cmd)];
}

/*
 * Copies the caller's structure into the zeroed @arg, before anything reads it. Returns 0; -EINVAL
 * for an invalid size or an unknown flag; -E2BIG if the caller sets a member that this kernel does
 * not know; -EFAULT.
 */
static int copy_in(const struct pinned_request *request, unsigned int cmd, union pinned_arg *arg,
		   const void __user *from)
{
	size_t size = _IOC_SIZE(cmd);
	int err;

	if (size < request->first_size)
		return -EINVAL;
	err = copy_struct_from_user(arg, _IOC_SIZE(request->cmd), from, size);
	if (err)
		return err;
	return arg->size == size && !(arg->flags & ~request->known_flags) ? 0 : -EINVAL;
}

/*
 * Copies the result to the caller. The rest of a larger structure is 0 already: copy_in() refuses
 * anything else. Returns 0 or -EFAULT.
 */
static int copy_out(const struct pinned_request *request, unsigned int cmd,
		    const union pinned_arg *arg, void __user *to)
{
	if (!(_IOC_DIR(cmd) & _IOC_READ))
		return 0;
	return copy_to_user(to, arg, min(_IOC_SIZE(cmd), _IOC_SIZE(request->cmd))) ? -EFAULT : 0;
}

/*
 * Installs the file of a call and keeps its pin, but only if the caller was told their numbers
 * (@is_told); otherwise undoes both.
 */
static void finish(struct pinned_pool *pool, struct pinned_call *call, bool is_told)
{
	if (call->pin && !is_told)
		pinned_pin_end(pool, call->pin);
	if (!call->file)
		return;
	if (is_told) {
		fd_install(call->fd, call->file);
	} else {
		put_unused_fd(call->fd);
		fput(call->file);
	}
}

static long execute(struct file *file, const struct pinned_request *request, unsigned int cmd,
		    void __user *user)
{
	struct pinned_call call = { .may_write = file->f_mode & FMODE_WRITE };
	struct pinned_pool *pool = file->private_data;
	int err = copy_in(request, cmd, &call.arg, user);

	if (!err && request->is_for_owner && !pinned_pool_is_mine(pool))
		err = -EPERM;
	if (!err)
		err = request->execute(pool, &call);
	if (!err)
		err = copy_out(request, cmd, &call.arg, user);
	finish(pool, &call, !err);
	return err;
}

long pinned_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct pinned_request *request = find_request(cmd);
	long err;

	if (!request)
		return -ENOTTY;
	err = execute(file, request, cmd, (void __user *)arg);
	if (err)
		pr_debug_ratelimited("%s refused with error %ld\n", request->name, err);
	return err;
}

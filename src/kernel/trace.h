/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, under events/pinned_mem in tracefs; doc/tracing.md says how to use them. They are
 * meant for people, not programs, and may change. None shows a physical address.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pinned_mem

#if !defined(PINNED_MEM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define PINNED_MEM_TRACE_H

#include <linux/tracepoint.h>

/* A POPULATE has ended: the request, the result, and the duration. */
TRACE_EVENT(pinned_mem_populate,
	TP_PROTO(u64 pool, unsigned long slot, unsigned long count, u32 type, int node, int err,
		 u64 ns),
	TP_ARGS(pool, slot, count, type, node, err, ns),
	TP_STRUCT__entry(
		__field(u64, pool)
		__field(unsigned long, slot)
		__field(unsigned long, count)
		__field(u32, type)
		__field(int, node)
		__field(int, err)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->pool = pool;
		__entry->slot = slot;
		__entry->count = count;
		__entry->type = type;
		__entry->node = node;
		__entry->err = err;
		__entry->ns = ns;
	),
	TP_printk("pool=%llu slot=%lu count=%lu type=%u node=%d err=%d ns=%llu", __entry->pool,
		  __entry->slot, __entry->count, __entry->type, __entry->node, __entry->err,
		  __entry->ns)
);

/* A PUNCH has ended. */
TRACE_EVENT(pinned_mem_punch,
	TP_PROTO(u64 pool, unsigned long slot, unsigned long count, int err),
	TP_ARGS(pool, slot, count, err),
	TP_STRUCT__entry(
		__field(u64, pool)
		__field(unsigned long, slot)
		__field(unsigned long, count)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->pool = pool;
		__entry->slot = slot;
		__entry->count = count;
		__entry->err = err;
	),
	TP_printk("pool=%llu slot=%lu count=%lu err=%d", __entry->pool, __entry->slot,
		  __entry->count, __entry->err)
);

/*
 * A page fault: whole=1 if it maps a whole chunk, or lets the core do so; whole=0 if it maps one
 * page; snapshot=1 in a forked child.
 */
TRACE_EVENT(pinned_mem_fault,
	TP_PROTO(u64 pool, unsigned long pgoff, bool is_whole, bool is_snapshot,
		 unsigned int result),
	TP_ARGS(pool, pgoff, is_whole, is_snapshot, result),
	TP_STRUCT__entry(
		__field(u64, pool)
		__field(unsigned long, pgoff)
		__field(bool, is_whole)
		__field(bool, is_snapshot)
		__field(unsigned int, result)
	),
	TP_fast_assign(
		__entry->pool = pool;
		__entry->pgoff = pgoff;
		__entry->is_whole = is_whole;
		__entry->is_snapshot = is_snapshot;
		__entry->result = result;
	),
	TP_printk("pool=%llu pgoff=%lu whole=%d snapshot=%d result=0x%x", __entry->pool,
		  __entry->pgoff, __entry->is_whole, __entry->is_snapshot, __entry->result)
);

/*
 * A page was copied for forked children; failed=1: a copy failed for want of memory, and one
 * child's snapshot is broken.
 */
TRACE_EVENT(pinned_mem_copy,
	TP_PROTO(u64 pool, unsigned long pgoff, bool has_failed),
	TP_ARGS(pool, pgoff, has_failed),
	TP_STRUCT__entry(
		__field(u64, pool)
		__field(unsigned long, pgoff)
		__field(bool, has_failed)
	),
	TP_fast_assign(
		__entry->pool = pool;
		__entry->pgoff = pgoff;
		__entry->has_failed = has_failed;
	),
	TP_printk("pool=%llu pgoff=%lu failed=%d", __entry->pool, __entry->pgoff,
		  __entry->has_failed)
);

/*
 * The CPU's caches must be written back ("clean") or invalidated ("drop") for some bytes of a chunk
 * or page; done=0: this machine's caches are coherent, so nothing is done.
 */
TRACE_EVENT(pinned_mem_cache,
	TP_PROTO(bool is_drop, u32 offset, u32 length, bool is_done),
	TP_ARGS(is_drop, offset, length, is_done),
	TP_STRUCT__entry(
		__field(bool, is_drop)
		__field(u32, offset)
		__field(u32, length)
		__field(bool, is_done)
	),
	TP_fast_assign(
		__entry->is_drop = is_drop;
		__entry->offset = offset;
		__entry->length = length;
		__entry->is_done = is_done;
	),
	TP_printk("%s offset=%u length=%u done=%d", __entry->is_drop ? "drop" : "clean",
		  __entry->offset, __entry->length, __entry->is_done)
);

/* A chunk begins to rest, or becomes busy; with the number of resting and of busy chunks. */
TRACE_EVENT(pinned_mem_quarantine,
	TP_PROTO(bool is_busy, unsigned long resting, unsigned long busy),
	TP_ARGS(is_busy, resting, busy),
	TP_STRUCT__entry(
		__field(bool, is_busy)
		__field(unsigned long, resting)
		__field(unsigned long, busy)
	),
	TP_fast_assign(
		__entry->is_busy = is_busy;
		__entry->resting = resting;
		__entry->busy = busy;
	),
	TP_printk("%s resting=%lu busy=%lu", __entry->is_busy ? "busy" : "rest",
		  __entry->resting, __entry->busy)
);

#endif /* PINNED_MEM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

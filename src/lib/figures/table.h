/* SPDX-License-Identifier: MIT */
/*
 * Every figure of a process and of a heap, once: its name, where it is kept, its unit, its kind, and
 * what people are told of it. From this table come the members that pinned_dump() writes, those of
 * struct pinned_stats, and the text that pinnedctl reads from a process (figures.c), so that
 * pinnedctl's output, its table and its Prometheus metrics need no list of their own.
 *
 * Columns:
 *   name    the member of pinned_dump(); a figure in bytes ends in _bytes
 *   source  where it is kept: see the comment of each list
 *   unit    of the source: bytes; chunks, shown as bytes; limit, chunks of which UINT64_MAX is none;
 *           ms, milliseconds; or number. PN_SHOWN_* converts it to what is shown
 *   kind    gauge, or counter if it never falls; setting if it does not change
 *   access  public if it is a member of struct pinned_stats too, else private
 *   help    for people and for Prometheus, in at most 42 characters
 *
 * man/man3/pinned_dump.3 says more about each; a test compares.
 */
#ifndef PN_TABLE_H
#define PN_TABLE_H

#include "arena/arena.h"

/* Heaps: source is a member of struct pn_heap_stats. */
#define PN_FIGURES_OF_STATS(X)                                                                   \
	X(chunk_bytes, chunks, chunks, gauge, public, "Memory held from the backend")            \
	X(peak_chunk_bytes, peak_chunks, chunks, gauge, public, "The most memory that was held") \
	X(empty_chunk_bytes, empty_chunks, chunks, gauge, public,                                \
	  "Kept for reuse, without objects")                                                     \
	X(medium_bytes, medium_bytes, bytes, gauge, private, "Objects of 32 KiB up to a chunk")  \
	X(large_bytes, large_chunks, chunks, gauge, public, "Objects larger than a chunk")       \
	X(raw_bytes, raw_chunks, chunks, gauge, private, "Raw chunks of other allocators")       \
	X(populate_calls, populate_calls, number, counter, public,                               \
	  "Requests to the backend for memory")                                                  \
	X(punch_calls, punch_calls, number, counter, public, "Requests to give memory back")

/* Heaps: counted from slabs and caches; source is the function of pinnedctl that counts it. */
#define PN_FIGURES_COUNTED(X)                                                                    \
	X(object_bytes, objects, bytes, gauge, public, "Objects, with those in threads' caches") \
	X(cached_bytes, cached, bytes, gauge, public, "Free objects in threads' caches")         \
	X(medium_cached_bytes, medium_cached, bytes, gauge, private,                             \
	  "Free objects above 32 KiB in caches")                                                 \
	X(caches, caches, number, gauge, private, "Threads that have a cache")

/* Heaps: source is a member of struct pn_heap. */
#define PN_FIGURES_OF_SETTINGS(X)                                                       \
	X(limit_bytes, limit_chunks, limit, setting, private, "What the heap may hold") \
	X(decay_ms, decay_ms, ms, setting, private, "How long an empty chunk is kept")

/*
 * Processes: source is an expression, and after it, for pinnedctl, the variable that can be watched
 * (os/watch.h), with the member in it if it is a structure.
 */
#define PN_FIGURES_OF_PROCESS(X)                                                                 \
	X(arena_bytes, pn_arena_size(), "arena/pn_arena.size", bytes, setting, public,           \
	  "Addresses claimed so far")                                                            \
	X(epoch, pn_arena.epoch, "arena/pn_arena.epoch", number, gauge, private,                 \
	  "Forks since the library was first used")                                              \
	X(limit_bytes, pn_limit_get(), "limit_chunks", limit, setting, public,                   \
	  "What all heaps together may hold")                                                    \
	X(peak_chunk_bytes, pn_limit_peak(), "peak_chunks", chunks, gauge, public,               \
	  "The most that all heaps together held")                                               \
	X(quarantine_bytes, pn_harden_bytes(), "quarantine_bytes", bytes, gauge, public,         \
	  "Freed objects that wait for reuse")                                                   \
	X(retained_bytes, pn_retain_bytes(), "retained_bytes", bytes, gauge, public,             \
	  "Freed objects that are retained")                                                     \
	X(failed_allocs, pn_alloc_failures(), "failures", number, counter, public,               \
	  "Allocations that found no memory")                                                    \
	X(fallback_allocs, pn_fallback_now().requests, "fallback/pn_fallback.requests", number,  \
	  counter, private, "Requests that libc served instead")                                 \
	X(fallback_bytes, pn_fallback_now().bytes, "fallback/pn_fallback.bytes", bytes, counter, \
	  private, "Bytes that libc served instead")

/* A source's value as it is shown; UINT64_MAX for a limit that does not exist. */
#define PN_SHOWN_bytes(value) (value)
#define PN_SHOWN_chunks(value) ((value)*PN_CHUNK_SIZE)
#define PN_SHOWN_limit(value) \
	((value) >= UINT64_MAX / PN_CHUNK_SIZE ? UINT64_MAX : (value)*PN_CHUNK_SIZE)
#define PN_SHOWN_ms(value) (value)
#define PN_SHOWN_number(value) (value)

#endif /* PN_TABLE_H */

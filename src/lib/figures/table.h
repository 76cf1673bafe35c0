/* SPDX-License-Identifier: MIT */
/*
 * Every figure of a process and of a heap, once: its name, where the library keeps it, its unit,
 * its kind, and its help text. This table generates the members that pinned_dump() writes, those of
 * struct pinned_stats, and the text that pinnedctl reads from a process (figures.c). So pinnedctl
 * needs no list of figures of its own for its tables and its Prometheus metrics.
 *
 * Columns:
 *   name    the member of pinned_dump(); the name of a figure in bytes ends in _bytes
 *   source  where the figure is kept: see the comment of each list
 *   unit    unit of the source: bytes; chunks, which are shown as bytes; limit, chunks of which
 *           UINT64_MAX means no limit; ms, milliseconds; or number. PN_SHOWN_* converts a source's
 *           value into the value that is shown
 *   kind    counter if the figure never falls; setting if it does not change; else gauge
 *   access  public if the figure is a member of struct pinned_stats too, else private
 *   help    text for people and for Prometheus, of at most 42 characters
 *
 * man/man3/pinned_dump.3 describes each figure; a test compares the page with this table.
 */
#ifndef PN_TABLE_H
#define PN_TABLE_H

#include "arena/arena.h"

/* Figures of heaps whose source is a member of struct pn_heap_stats. */
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
	X(punch_calls, punch_calls, number, counter, public, "Requests to give memory back")     \
	X(refused_runs, refused_runs, number, counter, private, "Contiguous objects refused")

/*
 * Figures of heaps that come from a census of slabs and caches; source names the function of
 * pinnedctl that counts.
 */
#define PN_FIGURES_COUNTED(X)                                                                    \
	X(object_bytes, objects, bytes, gauge, public, "Objects, with those in threads' caches") \
	X(cached_bytes, cached, bytes, gauge, public, "Free objects in threads' caches")         \
	X(medium_cached_bytes, medium_cached, bytes, gauge, private,                             \
	  "Free objects above 32 KiB in caches")                                                 \
	X(caches, caches, number, gauge, private, "Threads that have a cache")

/* Figures of heaps whose source is a member of struct pn_heap. */
#define PN_FIGURES_OF_SETTINGS(X)                                                       \
	X(limit_bytes, limit_chunks, limit, setting, private, "What the heap may hold") \
	X(decay_ms, decay_ms, ms, setting, private, "How long an empty chunk is kept")

/*
 * Figures of the process. source is an expression. The column after it is for pinnedctl: the name
 * of the variable's entry (os/watch.h), followed by the member if the variable is a structure.
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
	X(failed_keys, pn_registrars_failures(), "key_failures", number, counter, private,       \
	  "Keys that registrars could not make")                                                 \
	X(fallback_allocs, pn_fallback_now().requests, "fallback/pn_fallback.requests", number,  \
	  counter, private, "Requests that libc served instead")                                 \
	X(fallback_bytes, pn_fallback_now().bytes, "fallback/pn_fallback.bytes", bytes, counter, \
	  private, "Bytes that libc served instead")

/* Convert a source's value into the value that is shown; UINT64_MAX stands for "no limit". */
#define PN_SHOWN_bytes(value) (value)
#define PN_SHOWN_chunks(value) ((value)*PN_CHUNK_SIZE)
#define PN_SHOWN_limit(value) \
	((value) >= UINT64_MAX / PN_CHUNK_SIZE ? UINT64_MAX : (value)*PN_CHUNK_SIZE)
#define PN_SHOWN_ms(value) (value)
#define PN_SHOWN_number(value) (value)

#endif /* PN_TABLE_H */

// SPDX-License-Identifier: MIT
/*
 * The part of the malloc family that looks at the heap or tunes it. Figures are
 * libc's plus pinned memory's; knobs of glibc's allocator are passed on to it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>

#include "arena/arena.h"
#include "next.h"
#include "pinned.h"
#include "served.h"

static struct pinned_stats pinned_figures(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	if (pn_arena_size())
		pinned_stats(&stats);
	return stats;
}

struct mallinfo2 pn_served_mallinfo2(void)
{
	struct mallinfo2 info = pn_next.mallinfo2();
	struct pinned_stats stats = pinned_figures();
	size_t live = stats.object_bytes - stats.cached_bytes;

	info.arena += stats.chunk_bytes - stats.large_bytes;
	info.hblkhd += stats.large_bytes;
	/* As with glibc: what is "mapped" is not in "use". */
	info.uordblks += live > stats.large_bytes ? live - stats.large_bytes : 0;
	info.fordblks += stats.chunk_bytes > live ? stats.chunk_bytes - live : 0;
	info.keepcost += stats.empty_chunk_bytes;
	return info;
}

static int as_int(size_t value)
{
	return value < INT_MAX ? (int)value : INT_MAX;
}

/* The older form, whose figures are ints: too large ones say INT_MAX. */
struct mallinfo pn_served_mallinfo(void)
{
	struct mallinfo2 info = pn_served_mallinfo2();

	return (struct mallinfo){
		.arena = as_int(info.arena),
		.ordblks = as_int(info.ordblks),
		.smblks = as_int(info.smblks),
		.hblks = as_int(info.hblks),
		.hblkhd = as_int(info.hblkhd),
		.usmblks = as_int(info.usmblks),
		.fsmblks = as_int(info.fsmblks),
		.uordblks = as_int(info.uordblks),
		.fordblks = as_int(info.fordblks),
		.keepcost = as_int(info.keepcost),
	};
}

int pn_served_malloc_trim(size_t pad)
{
	int trimmed = pn_next.malloc_trim(pad);

	return pn_arena_size() && pinned_purge() ? 1 : trimmed;
}

int pn_served_mallopt(int parameter, int value)
{
	return pn_next.mallopt(parameter, value);
}

int pn_served_malloc_info(int options, FILE *stream)
{
	struct pinned_stats stats = pinned_figures();
	int err = pn_next.malloc_info(options, stream);

	if (!err &&
	    fprintf(stream,
		    "<!-- pinned: chunks %llu, empty %llu, objects %llu, cached %llu bytes -->\n",
		    (unsigned long long)stats.chunk_bytes,
		    (unsigned long long)stats.empty_chunk_bytes,
		    (unsigned long long)stats.object_bytes,
		    (unsigned long long)stats.cached_bytes) < 0)
		err = -1;
	return err;
}

void pn_served_malloc_stats(void)
{
	struct pinned_stats stats = pinned_figures();

	pn_next.malloc_stats();
	fprintf(stderr, "Pinned memory:\nsystem bytes     = %10llu\nin use bytes     = %10llu\n",
		(unsigned long long)stats.chunk_bytes,
		(unsigned long long)(stats.object_bytes - stats.cached_bytes));
}

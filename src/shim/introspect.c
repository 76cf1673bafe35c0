// SPDX-License-Identifier: MIT
/*
 * The functions of the malloc family that report on the heap or tune it. Each figure is the sum of
 * the next allocator's and pinned memory's. Parameters of glibc's allocator are passed on to it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena/arena.h"
#include "front/tcache.h"
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

/* Counts objects larger than a chunk. They correspond to glibc's mappings for a single request. */
static size_t count_large(void)
{
	size_t count = 0, slots = pn_arena_slot_count();

	for (size_t i = 0; i < slots; i++) {
		const struct pn_slot *slot = &pn_arena.slots[i];

		count += __atomic_load_n(&slot->state, __ATOMIC_RELAXED) == PN_SLOT_LARGE &&
			 slot->epoch == pn_arena.epoch;
	}
	return count;
}

/*
 * Adds the small objects in threads' caches. They correspond to the blocks in glibc's fast bins:
 * free objects of one size, which are handed out again without a search.
 */
static void add_cached(struct mallinfo2 *info)
{
	struct pn_tcache_census census = { 0 };

	if (pn_arena_size())
		pn_tcache_count(&census);
	for (size_t i = 0; i < PN_CLASSES; i++) {
		info->smblks += census.objects[i];
		info->fsmblks += census.objects[i] * pn_classes[i].size;
	}
}

struct mallinfo2 pn_served_mallinfo2(void)
{
	struct mallinfo2 info = pn_next.mallinfo2();
	struct pinned_stats stats = pinned_figures();
	size_t live = stats.object_bytes - stats.cached_bytes;

	info.arena += stats.chunk_bytes - stats.large_bytes;
	info.hblks += count_large();
	info.hblkhd += stats.large_bytes;
	/* As in glibc, uordblks does not include the bytes that hblkhd counts. */
	info.uordblks += live > stats.large_bytes ? live - stats.large_bytes : 0;
	info.fordblks += stats.chunk_bytes > live ? stats.chunk_bytes - live : 0;
	info.keepcost += stats.empty_chunk_bytes;
	add_cached(&info);
	return info;
}

static int as_int(size_t value)
{
	return value < INT_MAX ? (int)value : INT_MAX;
}

/* The older form, whose figures are ints: larger values are reported as INT_MAX. */
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

/*
 * Passes the parameter on to the next mallopt(), which applies it to the memory that it serves. The
 * only parameter whose effect a program can observe is M_PERTURB, which fills objects with a byte.
 * Pinned memory does not implement M_PERTURB, so setting it returns 0 for failure.
 */
int pn_served_mallopt(int parameter, int value)
{
	int result = pn_next.mallopt(parameter, value);

	return parameter == M_PERTURB && value ? 0 : result;
}

/* The output of the next malloc_info(). */
struct document {
	char *text;
	size_t size;
};

/*
 * Reads the output of the next malloc_info() into @document. Returns 0; the error of that function;
 * or -1 if the stream fails.
 */
static int read_document(int options, struct document *document)
{
	FILE *stream = open_memstream(&document->text, &document->size);
	int err;

	if (!stream)
		return -1;
	err = pn_next.malloc_info(options, stream);
	if (fclose(stream) && !err)
		err = -1;
	return err;
}

static int write_figures(FILE *stream)
{
	struct pinned_stats stats = pinned_figures();
	uint64_t live = stats.object_bytes - stats.cached_bytes;

	return fprintf(stream,
		       "<pinned>\n<system type=\"current\" size=\"%llu\"/>\n"
		       "<system type=\"max\" size=\"%llu\"/>\n"
		       "<total type=\"objects\" size=\"%llu\"/>\n"
		       "<total type=\"large\" count=\"%zu\" size=\"%llu\"/>\n"
		       "<total type=\"cached\" size=\"%llu\"/>\n"
		       "<total type=\"empty\" size=\"%llu\"/>\n</pinned>\n",
		       (unsigned long long)stats.chunk_bytes,
		       (unsigned long long)stats.peak_chunk_bytes, (unsigned long long)live,
		       count_large(), (unsigned long long)stats.large_bytes,
		       (unsigned long long)stats.cached_bytes,
		       (unsigned long long)stats.empty_chunk_bytes);
}

/* Writes the next malloc_info()'s document, with this library's figures before its last end tag. */
int pn_served_malloc_info(int options, FILE *stream)
{
	static const char end_tag[] = "</malloc>";
	struct document document = { 0 };
	int err = read_document(options, &document);
	char *end = NULL;

	for (char *at = document.text; !err && at; at = strstr(at + 1, end_tag))
		end = strncmp(at, end_tag, sizeof(end_tag) - 1) ? end : at;
	if (!err && end) {
		fwrite(document.text, 1, (size_t)(end - document.text), stream);
		if (write_figures(stream) < 0 || fputs(end, stream) < 0)
			err = -1;
	}
	free(document.text);
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

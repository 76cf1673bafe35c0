// SPDX-License-Identifier: MIT
/*
 * pinned_dump(): all figures as JSON. Its members are those that pinnedctl prints
 * of a process from outside; a test compares the two.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "chunk/empty.h"
#include "figures/census.h"
#include "front/alloc.h"
#include "front/harden.h"
#include "front/runtime.h"
#include "object/retain.h"
#include "os/errno.h"
#include "os/json.h"
#include "os/sys.h"
#include "os/syscall.h"
#include "pinned.h"

#define DUMP_SCHEMA 1

/* Slots that are looked at under one hold of the arena's lock. */
#define SLOTS_AT_ONCE 64

static void dump_program(struct pn_json *json)
{
	char name[64] = "";
	int fd = pn_sys_open("/proc/self/comm", O_RDONLY);
	ssize_t len;

	if (fd >= 0) {
		len = pn_sys_pread(fd, name, sizeof(name) - 1, 0);
		name[len > 0 ? len : 0] = '\0';
		name[strcspn(name, "\n")] = '\0';
		pn_sys_close(fd);
	}
	pn_json_string(json, "program", name);
}

/* null: there is none. */
static void dump_limit(struct pn_json *json, uint64_t chunks)
{
	if (chunks >= UINT64_MAX / PN_CHUNK_SIZE)
		pn_json_null(json, "limit_bytes");
	else
		pn_json_number(json, "limit_bytes", chunks * PN_CHUNK_SIZE);
}

static void dump_process(struct pn_json *json)
{
	struct pn_fallback fallback = { 0 };

	if (pn_flavour.fallback)
		fallback = pn_flavour.fallback();
	pn_json_number(json, "schema", DUMP_SCHEMA);
	pn_json_number(json, "pid", (uint64_t)pn_syscall(SYS_getpid));
	dump_program(json);
	pn_json_string(json, "backend", pn_heap_backend_name(&pn_heap));
	pn_json_number(json, "chunk_size", PN_CHUNK_SIZE);
	pn_json_number(json, "arena_bytes", pn_arena.size);
	pn_json_number(json, "epoch", pn_arena.epoch);
	dump_limit(json, pn_empty_limit());
	pn_json_number(json, "quarantine_bytes", pn_harden_bytes());
	pn_json_number(json, "retained_bytes", pn_retain_bytes());
	pn_json_number(json, "failed_allocs", pn_alloc_failures());
	pn_json_number(json, "fallback_allocs", fallback.requests);
	pn_json_number(json, "fallback_bytes", fallback.bytes);
}

static void dump_class(struct pn_json *json, unsigned int index,
		       const struct pn_census_class *class)
{
	pn_json_open(json, NULL, '{');
	pn_json_number(json, "class", index);
	pn_json_number(json, "size", pn_classes[index].size);
	pn_json_bool(json, "aligned", index >= PN_CLASSES_PLAIN);
	pn_json_number(json, "slabs", class->slabs);
	pn_json_number(json, "objects", class->objects);
	pn_json_number(json, "out", class->out);
	pn_json_number(json, "cached", class->cached);
	pn_json_close(json, '}');
}

static void dump_sums(struct pn_json *json, const struct pn_census *census)
{
	uint64_t large = census->heap.large_chunks * PN_CHUNK_SIZE;
	uint64_t objects = census->heap.medium_bytes + large;
	uint64_t cached = census->medium_cached_bytes;

	for (size_t i = 0; i < PN_CLASSES; i++) {
		objects += census->classes[i].out * pn_classes[i].size;
		cached += census->classes[i].cached * pn_classes[i].size;
	}
	pn_json_number(json, "object_bytes", objects);
	pn_json_number(json, "cached_bytes", cached);
	pn_json_number(json, "medium_bytes", census->heap.medium_bytes);
	pn_json_number(json, "medium_cached_bytes", census->medium_cached_bytes);
	pn_json_number(json, "large_bytes", large);
	pn_json_number(json, "raw_bytes", census->heap.raw_chunks * PN_CHUNK_SIZE);
}

/* Where its memory is, and of which sort; no node and no ceiling: any. */
static void dump_memory(struct pn_json *json, const struct pn_memory *memory)
{
	static const char *const types[] = {
		[PINNED_MEMORY_COHERENT] = "coherent",
		[PINNED_MEMORY_UNCACHED] = "uncached",
		[PINNED_MEMORY_WRITE_COMBINE] = "write-combine",
		[PINNED_MEMORY_CACHED] = "cached",
	};

	pn_json_string(json, "memory", types[memory->type]);
	if (memory->node < 0)
		pn_json_null(json, "node");
	else
		pn_json_number(json, "node", (uint64_t)memory->node);
	if (memory->max_phys == PN_PHYS_UNKNOWN)
		pn_json_null(json, "max_phys");
	else
		pn_json_number(json, "max_phys", memory->max_phys);
}

static void dump_heap(struct pn_json *json, const struct pn_census *census)
{
	const struct pn_heap_stats *heap = &census->heap;

	pn_json_open(json, NULL, '{');
	dump_memory(json, &census->memory);
	pn_json_number(json, "chunk_bytes", heap->chunks * PN_CHUNK_SIZE);
	pn_json_number(json, "peak_chunk_bytes", heap->peak_chunks * PN_CHUNK_SIZE);
	pn_json_number(json, "empty_chunk_bytes", heap->empty_chunks * PN_CHUNK_SIZE);
	dump_sums(json, census);
	pn_json_number(json, "populate_calls", heap->populate_calls);
	pn_json_number(json, "punch_calls", heap->punch_calls);
	dump_limit(json, census->limit_chunks);
	pn_json_number(json, "decay_ms", census->decay_ms);
	pn_json_number(json, "caches", census->caches);
	pn_json_open(json, "classes", '[');
	for (unsigned int i = 0; i < PN_CLASSES; i++)
		if (census->classes[i].slabs)
			dump_class(json, i, &census->classes[i]);
	pn_json_close(json, ']');
	pn_json_close(json, '}');
}

/* One made or destroyed meanwhile may be left out. */
static void dump_heaps(struct pn_json *json)
{
	struct pn_census census;

	pn_json_open(json, "heaps", '[');
	for (size_t i = 0; pn_arena.size && pn_census_take(&census, i); i++)
		dump_heap(json, &census);
	pn_json_close(json, ']');
}

static void dump_slot(struct pn_json *json, size_t index, const struct pn_census_slot *slot)
{
	static const char *const names[] = {
		[PN_SLOT_HOLE] = "",	   [PN_SLOT_EMPTY] = "empty", [PN_SLOT_PAGES] = "pages",
		[PN_SLOT_LARGE] = "large", [PN_SLOT_LARGE_TAIL] = "", [PN_SLOT_RAW] = "raw",
	};

	/* A large object is told of where it begins. */
	if (!*names[slot->state])
		return;
	pn_json_open(json, NULL, '{');
	pn_json_number(json, "slot", index);
	pn_json_string(json, "state", names[slot->state]);
	pn_json_bool(json, "inherited", slot->is_inherited);
	if (slot->state == PN_SLOT_LARGE)
		pn_json_number(json, "chunks", slot->run);
	if (slot->state == PN_SLOT_PAGES) {
		pn_json_number(json, "free_pages", slot->free_pages);
		pn_json_number(json, "longest", slot->longest);
	}
	pn_json_close(json, '}');
}

static void dump_slots(struct pn_json *json)
{
	struct pn_census_slot slots[SLOTS_AT_ONCE];
	size_t used = pn_arena_used_slots();

	pn_json_open(json, "chunks", '[');
	for (size_t first = 0; first < used; first += SLOTS_AT_ONCE) {
		size_t count = used - first < SLOTS_AT_ONCE ? used - first : SLOTS_AT_ONCE;

		pn_census_take_slots(slots, first, count);
		for (size_t i = 0; i < count; i++)
			dump_slot(json, first + i, &slots[i]);
	}
	pn_json_close(json, ']');
}

int pinned_dump(int fd)
{
	struct pn_json json;

	pn_runtime_enter();
	pn_json_start(&json, fd);
	pn_json_open(&json, NULL, '{');
	dump_process(&json);
	dump_heaps(&json);
	dump_slots(&json);
	pn_json_close(&json, '}');
	pn_json_text(&json, "\n");
	return pn_answer(pn_json_end(&json));
}

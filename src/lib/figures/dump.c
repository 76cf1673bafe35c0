// SPDX-License-Identifier: MIT
/*
 * pinned_dump(): all figures as JSON. The members are the same that pinnedctl prints of a process
 * from outside; a test compares the two.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config/memory_type.h"
#include "figures/census.h"
#include "front/runtime.h"
#include "os/errno.h"
#include "os/json.h"
#include "os/sys.h"
#include "os/syscall.h"
#include "pinned.h"

#define DUMP_SCHEMA 1

/* How many slots are read each time that the arena's lock is held. */
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

static void dump_figure(struct pn_json *json, const char *name, uint64_t value)
{
	if (value == UINT64_MAX)
		pn_json_null(json, name);
	else
		pn_json_number(json, name, value);
}

#define DUMP_OF_PROCESS(name, source, watch, unit, kind, access, help) \
	dump_figure(json, #name, figures.name);

static void dump_process(struct pn_json *json)
{
	struct pn_process_figures figures;

	pn_figures_of_process(&figures);
	pn_json_number(json, "schema", DUMP_SCHEMA);
	pn_json_string(json, "version", PINNED_VERSION_TEXT);
	pn_json_number(json, "pid", (uint64_t)pn_syscall(SYS_getpid));
	dump_program(json);
	pn_json_string(json, "backend", pn_heap_backend_name(&pn_heap));
	pn_json_number(json, "chunk_size", PN_CHUNK_SIZE);
	PN_FIGURES_OF_PROCESS(DUMP_OF_PROCESS)
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

/*
 * Writes where the heap's memory is, and of which type. null for the node or for the highest
 * physical address means that there is no restriction.
 */
static void dump_memory(struct pn_json *json, const struct pn_memory *memory)
{
	static const char *const types[] = { PN_MEMORY_TYPES(PN_MEMORY_TYPE_WITH_COMMA) };

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

#define DUMP_OF_HEAP(name, source, unit, kind, access, help) \
	dump_figure(json, #name, figures->name);

static void dump_heap(struct pn_json *json, const struct pn_census *census)
{
	const struct pn_heap_figures *figures = &census->figures;

	pn_json_open(json, NULL, '{');
	dump_memory(json, &census->memory);
	PN_FIGURES_OF_STATS(DUMP_OF_HEAP)
	PN_FIGURES_COUNTED(DUMP_OF_HEAP)
	PN_FIGURES_OF_SETTINGS(DUMP_OF_HEAP)
	pn_json_open(json, "classes", '[');
	for (unsigned int i = 0; i < PN_CLASSES; i++)
		if (census->classes[i].slabs)
			dump_class(json, i, &census->classes[i]);
	pn_json_close(json, ']');
	pn_json_close(json, '}');
}

/* Writes all heaps. A heap that is created or destroyed meanwhile may be left out. */
static void dump_heaps(struct pn_json *json)
{
	struct pn_census census;

	pn_json_open(json, "heaps", '[');
	for (size_t i = 0; pn_arena_size() && pn_census_take(&census, i); i++)
		dump_heap(json, &census);
	pn_json_close(json, ']');
}

static void dump_slot(struct pn_json *json, size_t index, const struct pn_census_slot *slot)
{
	static const char *const names[] = {
		[PN_SLOT_HOLE] = "",	   [PN_SLOT_EMPTY] = "empty", [PN_SLOT_PAGES] = "pages",
		[PN_SLOT_LARGE] = "large", [PN_SLOT_LARGE_TAIL] = "", [PN_SLOT_RAW] = "raw",
		[PN_SLOT_LEAVING] = "",
	};

	/* A large object is shown once, at the slot where it begins. */
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
	size_t used = pn_arena_slot_count();

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
	return pn_result(pn_json_end(&json));
}

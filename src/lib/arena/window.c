// SPDX-License-Identifier: MIT
/*
 * Choosing the window.
 *
 * An address space has few fixed points: the program, the end of its heap, the place where the
 * kernel maps next, the stack. The largest gap between two of them is where nothing grows soon: the
 * heap grows up from its lower end, mappings grow down from its upper end or, with an unlimited
 * stack, up from the lower one. The window lies in the middle of that gap, and takes at most half of
 * it. Three of the fixed points are randomised by the kernel, and so is the middle between them.
 *
 * A sanitizer keeps its shadow memory in the gap, and knows the addresses of a program's memory
 * beforehand: next to the libraries and the stack. In its processes the window is smaller and ends
 * below the place where the kernel maps next.
 */
#include "arena/window.h"

#include <sys/auxv.h>

#include "os/sys.h"

/* With addresses of 32 bits: a third or a fourth of what a program has. */
#define SIZE_MOST ((size_t)1 << (sizeof(size_t) > 4 ? 40 : 30))
#define SIZE_LEAST ((size_t)64 << 20)

/* Nothing is mapped there: an overrun or an underrun of the arena meets no table. */
#define GUARD ((size_t)1 << 20)

extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));

static bool has_sanitizer(void)
{
	return __asan_init || __tsan_init || __msan_init;
}

/* The window that begins at or after @address. */
static struct pn_window window_at(uintptr_t address, size_t size, size_t tables)
{
	uintptr_t begin = pn_round_up(address, PN_ARENA_ALIGNMENT);

	return (struct pn_window){
		.tables = begin + GUARD,
		.arena = pn_round_up(begin + tables + 2 * GUARD, PN_ARENA_ALIGNMENT),
		.size = size,
	};
}

/* All that a window may take: its arena, its tables, guards, and what alignment costs. */
static size_t span(size_t size, size_t tables)
{
	return size + tables + 3 * GUARD + 2 * PN_ARENA_ALIGNMENT;
}

static void sort(uintptr_t *marks, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t j = i; j && marks[j - 1] > marks[j]; j--) {
			uintptr_t lower = marks[j];

			marks[j] = marks[j - 1];
			marks[j - 1] = lower;
		}
}

/* The largest gap between the fixed points. Returns its lower end. */
static uintptr_t find_gap(uintptr_t next, size_t *size)
{
	uintptr_t marks[] = {
		getauxval(AT_PHDR),	/* the program */
		pn_sys_brk(),		/* the end of its heap */
		next,			/* where the kernel maps */
		(uintptr_t)&pn_sys_brk, /* this library */
		getauxval(
			AT_SYSINFO_EHDR), /* the kernel's own page, near the libraries or the stack */
		getauxval(AT_RANDOM),	  /* the stack */
	};
	size_t count = sizeof(marks) / sizeof(*marks);
	uintptr_t low = 0;

	sort(marks, count);
	*size = 0;
	for (size_t i = 1; i < count; i++)
		if (marks[i - 1] && marks[i] - marks[i - 1] > *size) {
			low = marks[i - 1];
			*size = marks[i] - low;
		}
	return low;
}

static bool in_the_gap(struct pn_window *window, uintptr_t next, size_t (*tables_for)(size_t size))
{
	size_t gap, size = SIZE_MOST;
	uintptr_t low = find_gap(next, &gap);

	while (size >= SIZE_LEAST && span(size, tables_for(size)) > gap / 2)
		size /= 2;
	if (size < SIZE_LEAST)
		return false;
	*window =
		window_at(low + gap / 2 - span(size, tables_for(size)) / 2, size, tables_for(size));
	return true;
}

/* Below @next, with a quarter of the window's size left for other mappings. */
static bool below(struct pn_window *window, uintptr_t next, size_t (*tables_for)(size_t size))
{
	size_t size = SIZE_MOST / 4;

	while (size >= SIZE_LEAST && span(size, tables_for(size)) + size / 4 > next / 4)
		size /= 2;
	if (size < SIZE_LEAST)
		return false;
	*window = window_at(next - size / 4 - span(size, tables_for(size)), size, tables_for(size));
	return true;
}

/* Where the kernel has room. Fails also where a limit on address space is in the way. */
static bool anywhere(struct pn_window *window, size_t (*tables_for)(size_t size))
{
	uintptr_t found = 0;
	size_t size;

	for (size = SIZE_MOST / 4; !found && size >= SIZE_LEAST; size /= 2)
		found = pn_sys_next_address(span(size, tables_for(size)));
	size *= 2;
	if (found)
		*window = window_at(found, size, tables_for(size));
	return found;
}

static bool begins_free(const struct pn_window *window, size_t first)
{
	return pn_sys_is_free((void *)window->arena, first);
}

bool pn_window_choose(struct pn_window *window, size_t (*tables_for)(size_t size), size_t first)
{
	uintptr_t next = pn_sys_next_address(PN_PAGE_SIZE);

	if (!next)
		return false;
	if (!has_sanitizer() && in_the_gap(window, next, tables_for) && begins_free(window, first))
		return true;
	if (below(window, next, tables_for) && begins_free(window, first))
		return true;
	return anywhere(window, tables_for) && begins_free(window, first);
}

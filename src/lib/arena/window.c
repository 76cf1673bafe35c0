// SPDX-License-Identifier: MIT
/*
 * Chooses the window: in the largest gap (gap.c), or else near the place where the kernel maps.
 *
 * A sanitizer keeps its shadow memory in the gap, and expects the program's memory at addresses
 * that it knows beforehand: next to the libraries and the stack. In a process with a sanitizer the
 * window is therefore smaller, and ends below the place where the kernel maps next.
 */
#include "arena/window.h"

#include <sys/auxv.h>

#include "os/sys.h"

/* The kernel may forbid programs to map anything below this address. */
#define LOWEST ((uintptr_t)1 << 20)

extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));

static bool has_sanitizer(void)
{
	return __asan_init || __tsan_init || __msan_init;
}

/* Places the window in the gap. @lowest is one more fixed point, or 0 for none. */
static bool place_in_gap(struct pn_window *window, uintptr_t next, uintptr_t lowest)
{
	uintptr_t marks[] = {
		lowest,
		getauxval(AT_PHDR),	    /* the program */
		pn_sys_brk(),		    /* the end of its heap */
		next,			    /* where the kernel maps */
		(uintptr_t)&pn_sys_brk,	    /* this library */
		getauxval(AT_SYSINFO_EHDR), /* the kernel's own page */
		getauxval(AT_RANDOM),	    /* the stack */
	};

	return pn_window_in_largest_gap(window, marks, sizeof(marks) / sizeof(*marks));
}

/* Places the window below @next, and leaves a quarter of its size to other mappings. */
static bool place_below(struct pn_window *window, uintptr_t next)
{
	size_t size = PN_WINDOW_MOST / 4;

	while (size >= PN_WINDOW_LEAST && pn_window_span(size) + size / 4 > next / 4)
		size /= 2;
	if (size < PN_WINDOW_LEAST)
		return false;
	*window = pn_window_at(next - size / 4 - pn_window_span(size), size);
	return true;
}

/*
 * Places the window where the kernel finds room. This also fails if a limit on address space is too
 * small for the window.
 */
static bool place_anywhere(struct pn_window *window)
{
	uintptr_t found = 0;
	size_t size;

	for (size = PN_WINDOW_MOST / 4; !found && size >= PN_WINDOW_LEAST; size /= 2)
		found = pn_sys_next_address(pn_window_span(size));
	size *= 2;
	if (found)
		*window = pn_window_at(found, size);
	return found;
}

static bool is_beginning_free(const struct pn_window *window, size_t first)
{
	return pn_sys_is_free((void *)window->arena, first);
}

bool pn_window_choose(struct pn_window *window, size_t first)
{
	uintptr_t next = pn_sys_next_address(PN_PAGE_SIZE);

	if (!next)
		return false;
	if (!has_sanitizer() && place_in_gap(window, next, 0) && is_beginning_free(window, first))
		return true;
	/* If all fixed points lie close together, as in an emulator, there is room below them. */
	if (!has_sanitizer() && place_in_gap(window, next, LOWEST) &&
	    is_beginning_free(window, first))
		return true;
	if (place_below(window, next) && is_beginning_free(window, first))
		return true;
	return place_anywhere(window) && is_beginning_free(window, first);
}

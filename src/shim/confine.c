// SPDX-License-Identifier: MIT
/*
 * Wraps prctl() and libseccomp's seccomp_load(), the two functions by which programs install a
 * seccomp filter on themselves. The wrappers note the filter before it is installed, because the
 * filter may kill the process for a system call that asks whether there is a filter. Each wrapper
 * passes its arguments and result on unchanged.
 *
 * The C library's allocator also makes system calls at its first use, so the wrappers use it once
 * before the filter is installed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "init.h"
#include "next.h"
#include "os/child.h"
#include "os/confined.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int prctl(int option, ...);
EXPORT int seccomp_load(const void *context);

/*
 * The scope of a filter that is about to be installed, and whether that scope was filtered before.
 */
struct noted_filter {
	enum { NOBODY, THREAD, PROCESS } whom;
	bool was_confined;
};

/*
 * Notes that a filter is about to be installed. Returns what forget_filter() needs if the filter is
 * not installed.
 *
 * A child of vfork() shares its parent's memory, so a note made by the child would mark the parent,
 * which has no filter, as confined. Nothing is noted for such a child, since it soon calls exec.
 */
static struct noted_filter note_filter(bool is_for_process)
{
	struct noted_filter noted = { .whom = is_for_process ? PROCESS : THREAD };

	if (!pn_init_is_pinned() || pn_child_shares_memory()) {
		noted.whom = NOBODY;
		return noted;
	}
	pn_next.free(pn_next.malloc(1));
	noted.was_confined = is_for_process ? pn_confined_set(true) : pn_confined_set_thread();
	return noted;
}

/* Reverts note_filter() after the filter was not installed. */
static void forget_filter(const struct noted_filter *noted)
{
	if (noted->whom == PROCESS)
		pn_confined_set(noted->was_confined);
	else if (noted->whom == THREAD)
		pn_confined_restore_thread(noted->was_confined);
}

EXPORT int prctl(int option, ...)
{
	unsigned long arguments[4];
	bool sets_filter = option == PR_SET_SECCOMP;
	struct noted_filter noted;
	va_list list;
	int result;

	va_start(list, option);
	for (int i = 0; i < 4; i++)
		arguments[i] = va_arg(list, unsigned long);
	va_end(list);
	pn_next_resolve();
	if (sets_filter)
		noted = note_filter(false);
	result = pn_next_prctl(option, arguments[0], arguments[1], arguments[2], arguments[3]);
	/* Programs probe for seccomp support by passing invalid arguments, so failure is normal. */
	if (sets_filter && result)
		forget_filter(&noted);
	return result;
}

/*
 * Returns whether seccomp_load() will install the filter in all threads: it does so if the
 * attribute SCMP_FLTATR_CTL_TSYNC (4) is set. Returns true if the attribute cannot be read.
 */
static bool is_for_all_threads(const void *context)
{
	int (*get)(const void *, int, uint32_t *) =
		(int (*)(const void *, int, uint32_t *))dlsym(RTLD_NEXT, "seccomp_attr_get");
	uint32_t value = 0;

	return !get || get(context, 4, &value) || value;
}

EXPORT int seccomp_load(const void *context)
{
	int (*next)(const void *) = (int (*)(const void *))dlsym(RTLD_NEXT, "seccomp_load");
	struct noted_filter noted;
	int result;

	if (!next)
		return -ENOSYS;
	noted = note_filter(is_for_all_threads(context));
	result = next(context);
	if (result)
		forget_filter(&noted);
	return result;
}

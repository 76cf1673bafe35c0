// SPDX-License-Identifier: MIT
/*
 * The two calls by which programs filter their own system calls, prctl() and
 * libseccomp's seccomp_load(), so that the library hears of it without a system
 * call that the new filter may kill for. They do what they do, and nothing else.
 *
 * libc's allocator makes calls of its own at its first use: it has it before.
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

/* Whom a filter concerns that is about to be installed, and what was known before. */
struct expected {
	enum { NOBODY, THREAD, PROCESS } whom;
	bool was_confined;
};

/*
 * A child of vfork() uses its parent's memory: what is noted here would hold for the parent, which
 * has no filter. Such a child goes on to exec.
 */
static struct expected expect(bool is_for_process)
{
	struct expected expected = { .whom = is_for_process ? PROCESS : THREAD };

	if (!pn_init_is_pinned() || pn_child_shares_memory()) {
		expected.whom = NOBODY;
		return expected;
	}
	pn_next.free(pn_next.malloc(1));
	expected.was_confined = is_for_process ? pn_confined_set(true) : pn_confined_set_thread();
	return expected;
}

/* No filter was installed. */
static void take_back(const struct expected *expected)
{
	if (expected->whom == PROCESS)
		pn_confined_set(expected->was_confined);
	else if (expected->whom == THREAD)
		pn_confined_restore_thread(expected->was_confined);
}

EXPORT int prctl(int option, ...)
{
	unsigned long arguments[4];
	bool sets_filter = option == PR_SET_SECCOMP;
	struct expected expected;
	va_list list;
	int result;

	va_start(list, option);
	for (int i = 0; i < 4; i++)
		arguments[i] = va_arg(list, unsigned long);
	va_end(list);
	pn_next_resolve();
	if (sets_filter)
		expected = expect(false);
	result = pn_next_prctl(option, arguments[0], arguments[1], arguments[2], arguments[3]);
	/* Programs try whether the kernel has filters, with arguments that are wrong. */
	if (sets_filter && result)
		take_back(&expected);
	return result;
}

/* libseccomp gives a filter to all threads if the attribute SCMP_FLTATR_CTL_TSYNC, 4, is set. */
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
	struct expected expected;
	int result;

	if (!next)
		return -ENOSYS;
	expected = expect(is_for_all_threads(context));
	result = next(context);
	if (result)
		take_back(&expected);
	return result;
}

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

#include "next.h"
#include "os/confined.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int prctl(int option, ...);
EXPORT int seccomp_load(const void *context);

/* Returns what was known before. */
static bool expect_filter(void)
{
	pn_next.free(pn_next.malloc(1));
	return pn_confined_set(true);
}

EXPORT int prctl(int option, ...)
{
	unsigned long arguments[4];
	bool sets_filter = option == PR_SET_SECCOMP, was_confined = false;
	va_list list;
	int result;

	va_start(list, option);
	for (int i = 0; i < 4; i++)
		arguments[i] = va_arg(list, unsigned long);
	va_end(list);
	pn_next_resolve();
	if (sets_filter)
		was_confined = expect_filter();
	result = pn_next_prctl(option, arguments[0], arguments[1], arguments[2], arguments[3]);
	/* Programs try whether the kernel has filters, with arguments that are wrong. */
	if (sets_filter && result)
		pn_confined_set(was_confined);
	return result;
}

EXPORT int seccomp_load(const void *context)
{
	int (*next)(const void *) = (int (*)(const void *))dlsym(RTLD_NEXT, "seccomp_load");
	bool was_confined;
	int result;

	if (!next)
		return -ENOSYS;
	was_confined = expect_filter();
	result = next(context);
	if (result)
		pn_confined_set(was_confined);
	return result;
}

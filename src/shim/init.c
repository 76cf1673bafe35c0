// SPDX-License-Identifier: MIT
/*
 * The shim's decision: pinned memory or libc's, once for a process.
 *
 * It is taken in the first allocation, wherever that happens: in the dynamic
 * linker, in a constructor, in main. Until the C library has set environ, which
 * it does before any constructor, everything is libc's.
 *
 * A process steps aside, without a word, when it was not asked for pinned memory
 * (no configuration, no section of the file that is for it), when a sanitizer brings an allocator of its own, and when
 * the C library is not glibc.
 */
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

#include "config/conffile.h"
#include "front/runtime.h"
#include "os/syscall.h"
#include "report.h"
#include "route.h"

extern char **environ;

/* Of AddressSanitizer, ThreadSanitizer and MemorySanitizer. */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));

static bool must_step_aside(void)
{
	return !pn_libc_is_glibc() || __asan_init || __tsan_init || __msan_init;
}

/* Who runs with raised privileges does not listen to the caller's environment. */
static bool is_in_environment(void)
{
	size_t len = strlen(pn_flavour.variable);

	if (getauxval(AT_SECURE))
		return false;
	for (char **variable = environ; *variable; variable++)
		if (!strncmp(*variable, pn_flavour.variable, len) && (*variable)[len] == '=')
			return true;
	return false;
}

/*
 * Before anything is initialised for it: the price of a process that passes
 * through is this look into its environment, and one into the file. Who is named
 * there is read again by pn_runtime_enter(), which says what is wrong.
 */
static bool is_asked_for(void)
{
	struct pn_config config;

	if (is_in_environment())
		return true;
	pn_conffile_ask(&config, pn_flavour.file, pn_flavour.off_file, true);
	return config.is_given && config.policy != PN_POLICY_PASSTHROUGH;
}

static const char *name_of(enum pn_backend_kind kind)
{
	static const char *const names[] = { "auto", "device", "hugetlb", "anon" };

	return names[kind];
}

static void without_backend(const struct pn_runtime *runtime)
{
	const char *name = name_of(runtime->config.backend);

	if (runtime->config.policy == PN_POLICY_FAIL) {
		pn_report_no_backend(runtime->error, name,
				     "policy fail: the program does not start");
		pn_syscall(SYS_exit_group, 127);
	}
	pn_report_no_backend(runtime->error, name, "the program uses ordinary memory");
}

/* span is written last: it is what lets other threads in. */
static void route_by(const struct pn_config *config)
{
	if (config->max < config->min)
		return;
	pn_route.fails = config->policy == PN_POLICY_FAIL;
	pn_route.min = config->min;
	__atomic_store_n(&pn_route.span,
			 config->max - config->min + (config->max - config->min != SIZE_MAX),
			 __ATOMIC_RELEASE);
}

static void decide(void)
{
	const struct pn_runtime *runtime;

	if (must_step_aside() || !is_asked_for())
		return;
	runtime = pn_runtime_enter();
	if (!runtime->config.is_given || runtime->config.policy == PN_POLICY_PASSTHROUGH)
		return;
	if (runtime->config.report)
		pn_report_prepare();
	if (runtime->error)
		without_backend(runtime);
	else
		route_by(&runtime->config);
}

/*
 * Nothing here allocates but what pn_runtime_enter() does at its end, when the
 * library is ready: that allocation comes from libc, since nothing is decided.
 */
void pn_route_decide(void)
{
	static int is_begun;
	int saved = errno;

	if (!environ || __atomic_exchange_n(&is_begun, 1, __ATOMIC_ACQUIRE))
		return;
	decide();
	pn_route.libc_malloc = pn_libc_find_malloc();
	pn_route.libc_free = pn_libc_find_free();
	__atomic_store_n(&pn_route.is_decided, true, __ATOMIC_RELEASE);
	errno = saved;
}

/* A program that never allocates is told of a missing backend too, or does not start. */
static __attribute__((constructor)) void decide_at_start(void)
{
	pn_route_decide();
}

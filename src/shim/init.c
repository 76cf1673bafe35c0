// SPDX-License-Identifier: MIT
/*
 * The shim's decision whether the process uses pinned memory or the next malloc. The decision is
 * taken once per process.
 *
 * The first call of any function of the malloc family after the C library has set environ takes the
 * decision, wherever that call comes from: the dynamic linker, a constructor, or main. The C
 * library sets environ before any constructor runs. Calls before that, and calls while the decision
 * is being taken, go to the next definitions.
 *
 * If neither the environment nor a section of the configuration file asks for pinned memory, then
 * the process silently uses the next malloc. If pinned memory is asked for but the program defines
 * its own malloc, has a sanitizer's, or uses a C library other than glibc, then the program keeps
 * that malloc and the shim prints one line about it; with policy fail the program does not start.
 */
#include "init.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

#include "config/conffile.h"
#include "front/runtime.h"
#include "next.h"
#include "os/syscall.h"
#include "report.h"
#include "route.h"
#include "served.h"

extern char **environ;

/* Present in programs with AddressSanitizer, ThreadSanitizer and MemorySanitizer, respectively. */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));

/* Returns why this process cannot be on pinned memory, or NULL. */
static const char *find_obstacle(void)
{
	if (!pn_next_is_glibc())
		return "the program's C library is not glibc";
	if (__asan_init || __tsan_init || __msan_init)
		return "the program has a sanitizer's malloc";
	if (pn_next_is_preceded())
		return "the program has a malloc of its own";
	return NULL;
}

/*
 * Returns whether the environment contains the library's variable. A program with raised privileges
 * (AT_SECURE) ignores its environment.
 */
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
 * Returns whether the environment or the configuration file asks for pinned memory. This runs
 * before the library initialises anything, so a process that does not use pinned memory pays only
 * for these two look-ups. pn_runtime_enter() reads the configuration again and reports its errors.
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

static void handle_missing_backend(const struct pn_runtime *runtime)
{
	const char *name = name_of(runtime->config.backend);

	if (runtime->config.policy == PN_POLICY_FAIL) {
		pn_report_no_backend(runtime->error, name,
				     "policy fail: the program does not start");
		pn_syscall(SYS_exit_group, 127);
	}
	if (!runtime->config.is_quiet)
		pn_report_no_backend(runtime->error, name, "the program uses ordinary memory");
}

/*
 * Copies @family to pn_family, entry by entry, with release semantics. Other threads may be calling
 * through pn_family meanwhile: any mix of old and new entries is valid, and what the new functions
 * read was written before.
 */
static void install(const struct pn_family *family)
{
#define INSTALL(result, name, parameters, arguments) \
	__atomic_store_n(&pn_family.name, family->name, __ATOMIC_RELEASE);
	PN_FAMILY(INSTALL)
}

static void serve(const struct pn_config *config)
{
	struct pn_family family = pn_served;

	if (config->max < config->min) {
		install(&pn_next);
		return;
	}
	pn_report_start();
	pn_next_start();
	pn_route_set(config);
	if (config->min || config->max != SIZE_MAX)
		family.malloc = pn_served_malloc_by_size;
	install(&family);
}

/* Handles a request for pinned memory in a process that cannot use it, for @reason. */
static void handle_obstacle(const char *reason)
{
	struct pn_config config;

	pn_config_read(&config, pn_flavour.variable);
	if (!config.is_given)
		pn_conffile_ask(&config, pn_flavour.file, pn_flavour.off_file, false);
	if (config.is_given && config.policy == PN_POLICY_FAIL) {
		pn_report_obstacle(reason, "policy fail: the program does not start");
		pn_syscall(SYS_exit_group, 127);
	}
	if (config.is_given && config.policy == PN_POLICY_FALLBACK && !config.is_quiet)
		pn_report_obstacle(reason, "the program keeps its own");
	install(&pn_next);
}

static void decide(void)
{
	const struct pn_runtime *runtime;
	const char *obstacle;

	if (!is_asked_for()) {
		install(&pn_next);
		return;
	}
	obstacle = find_obstacle();
	if (obstacle) {
		handle_obstacle(obstacle);
		return;
	}
	runtime = pn_runtime_enter();
	if (!runtime->config.is_given || runtime->config.policy == PN_POLICY_PASSTHROUGH) {
		install(&pn_next);
		return;
	}
	if (runtime->config.report)
		pn_report_prepare();
	if (runtime->error) {
		handle_missing_backend(runtime);
		install(&pn_next);
	} else {
		serve(&runtime->config);
	}
}

/*
 * Takes the decision in the first call after environ is set. Preserves errno.
 *
 * Only pn_runtime_enter() allocates here, at its end, when the library is ready. The next malloc
 * serves that allocation, because the decision is not taken yet.
 */
static void decide_once(void)
{
	static int is_begun;
	int saved = errno;

	pn_next_resolve();
	if (!environ || __atomic_exchange_n(&is_begun, 1, __ATOMIC_ACQUIRE))
		return;
	decide();
	errno = saved;
}

static void *undecided_malloc(size_t size);

bool pn_init_is_pinned(void)
{
	decide_once();
	return __atomic_load_n(&pn_family.free, __ATOMIC_RELAXED) == pn_served.free;
}

/*
 * Takes the decision if environ is set. Returns the table that serves a call which entered before
 * the decision.
 */
static const struct pn_family *decide_first(void)
{
	decide_once();
	return pn_family.malloc == undecided_malloc ? &pn_next : &pn_family;
}

#define UNDECIDED(result, name, parameters, arguments) \
	static result undecided_##name parameters      \
	{                                              \
		return decide_first()->name arguments; \
	}
PN_FAMILY(UNDECIDED)

#define BEGIN_WITH(result, name, parameters, arguments) .name = undecided_##name,

struct pn_family pn_family = { PN_FAMILY(BEGIN_WITH) };

/* Takes the decision for programs that never allocate, so that a missing backend is reported. */
static __attribute__((constructor)) void decide_at_start(void)
{
	decide_once();
}

// SPDX-License-Identifier: MIT
/*
 * Writes the profile in the text format of gperftools' heap profiles ("heap_v2"): the mean distance
 * between samples, a line for each call stack with the sums of its samples, and the process's
 * mappings, by which pprof finds the names of functions.
 *
 * No lock is held while the profile is written, because whoever reads the descriptor may allocate.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "front/runtime.h"
#include "os/errno.h"
#include "os/json.h"
#include "os/sys.h"
#include "os/syscall.h"
#include "pinned.h"
#include "profile/callers.h"
#include "profile/profile.h"

struct sums {
	uint64_t live_objects;
	uint64_t live_bytes;
	uint64_t all_objects;
	uint64_t all_bytes;
};

static struct sums sums_of(const struct pn_stack *stack)
{
	return (struct sums){
		.live_objects = __atomic_load_n(&stack->live_objects, __ATOMIC_RELAXED),
		.live_bytes = __atomic_load_n(&stack->live_bytes, __ATOMIC_RELAXED),
		.all_objects = __atomic_load_n(&stack->all_objects, __ATOMIC_RELAXED),
		.all_bytes = __atomic_load_n(&stack->all_bytes, __ATOMIC_RELAXED),
	};
}

static struct sums sum_up(void)
{
	struct sums total = { 0 };

	for (struct pn_stack *stack = pn_stacks_next(NULL); stack; stack = pn_stacks_next(stack)) {
		struct sums sums = sums_of(stack);

		total.live_objects += sums.live_objects;
		total.live_bytes += sums.live_bytes;
		total.all_objects += sums.all_objects;
		total.all_bytes += sums.all_bytes;
	}
	return total;
}

static void write_sums(struct pn_json *text, const struct sums *sums)
{
	pn_json_decimal(text, sums->live_objects);
	pn_json_text(text, ": ");
	pn_json_decimal(text, sums->live_bytes);
	pn_json_text(text, " [");
	pn_json_decimal(text, sums->all_objects);
	pn_json_text(text, ": ");
	pn_json_decimal(text, sums->all_bytes);
	pn_json_text(text, "] @");
}

static void write_stack(struct pn_json *text, const struct pn_stack *stack)
{
	struct sums sums = sums_of(stack);

	write_sums(text, &sums);
	for (size_t i = 0; i < stack->depth; i++) {
		pn_json_text(text, " ");
		pn_json_hex(text, stack->callers[i]);
	}
	pn_json_text(text, "\n");
}

static void write_mappings(struct pn_json *text)
{
	int fd = pn_sys_open("/proc/self/maps", O_RDONLY);
	char piece[1024];
	uint64_t at = 0;
	ssize_t len;

	pn_json_text(text, "\nMAPPED_LIBRARIES:\n");
	if (fd < 0)
		return;
	while ((len = pn_sys_pread(fd, piece, sizeof(piece), at)) > 0) {
		pn_json_bytes(text, piece, (size_t)len);
		at += (uint64_t)len;
	}
	pn_sys_close(fd);
}

/* Return: 0 or an errno. */
static int write_profile(int fd)
{
	struct sums total = sum_up();
	struct pn_json text;

	pn_json_start(&text, fd);
	pn_json_text(&text, "heap profile: ");
	write_sums(&text, &total);
	pn_json_text(&text, " heap_v2/");
	pn_json_decimal(&text, pn_profile_bytes());
	pn_json_text(&text, "\n");
	for (struct pn_stack *stack = pn_stacks_next(NULL); stack; stack = pn_stacks_next(stack))
		write_stack(&text, stack);
	write_mappings(&text);
	return pn_json_end(&text);
}

int pinned_profile_dump(int fd)
{
	pn_runtime_enter();
	return pn_result(pn_profile_is_on ? write_profile(fd) : ENOTSUP);
}

/* Start and exit of the process. */

/*
 * Finds the unwinder, if the environment asks for a profile. A constructor may load a library; the
 * first malloc, which reads the configuration, may not.
 */
static __attribute__((constructor)) void prepare(void)
{
	const char *text = getauxval(AT_SECURE) ? NULL : getenv(pn_flavour.variable);

	if (text && strstr(text, "profile:"))
		pn_callers_prepare();
}

/*
 * Copies @pattern, the name of the profile's file, to @name, and replaces %p by the process's
 * number.
 */
static void complete_name(char *name, size_t size, const char *pattern)
{
	const char *at = strstr(pattern, "%p");
	char digits[20];
	size_t count = 0, len = at ? (size_t)(at - pattern) : strlen(pattern);

	memcpy(name, pattern, len);
	for (pid_t pid = at ? pn_syscall(SYS_getpid) : 0; pid; pid /= 10)
		digits[count++] = (char)('0' + pid % 10);
	while (count && len < size - 1)
		name[len++] = digits[--count];
	for (at += at ? 2 : 0; at && *at && len < size - 1; at++)
		name[len++] = *at;
	name[len] = '\0';
}

static __attribute__((destructor)) void dump_at_exit(void)
{
	char name[sizeof(((struct pn_config *)0)->profile_file) + 20];
	int fd;

	if (!pn_profile_is_on || !*pn_runtime_enter()->config.profile_file)
		return;
	complete_name(name, sizeof(name), pn_runtime_enter()->config.profile_file);
	fd = pn_sys_create(name);
	if (fd < 0)
		return;
	write_profile(fd);
	pn_sys_close(fd);
}

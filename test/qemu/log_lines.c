// SPDX-License-Identifier: MIT
/*
 * Decides, for init, which lines of the kernel's log report a fault, and which of these are only
 * remarks on failures that a test has injected.
 */
#include "log_lines.h"

#include <stddef.h>
#include <string.h>

/*
 * Returns whether @line is an entry of a call trace, where names such as lockdep_... are only
 * functions. The kernel indents entries, and not messages.
 */
static bool is_caller(const char *line)
{
	const char *text = strchr(line, ';');

	return text && text[1] == ' ';
}

static bool is_bad(const char *line)
{
	static const char *const signs[] = {
		"BUG:",
		"BUG ",
		"WARNING:",
		"Oops",
		"Bad page",
		"Bad rss-counter",
		"bad pmd",
		"general protection",
		"NULL pointer",
		"soft lockup",
		"hung_task",
		"blocked for more",
		"rcu_sched self-detected",
		"rcu: INFO",
		"Call Trace",
		"KASAN",
		"kmemleak",
		"memory leak",
		"use-after-free",
		"refcount_t",
		"lockdep",
	};

	/*
	 * A leak report may concern any module or the kernel itself: leaks.c decides whose leak it
	 * is.
	 */
	if (is_caller(line) || strstr(line, "new suspected memory leaks"))
		return false;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (strstr(line, signs[i]))
			return true;
	return false;
}

/*
 * Returns whether the kernel warns, once, of an allocation that failed in its own code: when it
 * cannot map any exporter's dma-buf, or cannot describe any module's tracepoints.
 */
static bool is_warning_of_shortage(const char *line)
{
	return strstr(line, "WARNING:") &&
	       (strstr(line, " dma_buf_vmap+") || strstr(line, " event_define_fields+"));
}

/*
 * Returns whether the kernel reports, with a trace, that an allocation of pages, mappings or slab
 * caches failed.
 */
static bool is_shortage(const char *line)
{
	return strstr(line, "page allocation failure") || strstr(line, "vmalloc error") ||
	       (strstr(line, "kmem_cache_create") && strstr(line, ") failed with error"));
}

/*
 * Tests that inject allocation failures announce them in the log. The kernel then reports, with a
 * trace, failed allocations without __GFP_NOWARN. These are the only reports that this function
 * excuses.
 */
static bool is_remark_on_injected_failure(const char *line)
{
	static bool is_injecting, is_trace_expected;
	bool is_trace = strstr(line, "Call Trace");
	bool is_expected = is_trace && is_trace_expected;
	bool is_warning;

	if (strstr(line, "kmemleak: Cannot allocate a scan area"))
		return is_injecting;

	if (strstr(line, "allocations are made to fail from here on"))
		is_injecting = true;
	if (strstr(line, "allocations are not made to fail any more"))
		is_injecting = false;
	is_warning = is_warning_of_shortage(line);
	if (is_warning || is_shortage(line))
		is_trace_expected = is_injecting;
	else if (is_trace)
		is_trace_expected = false;
	return is_expected || (is_warning && is_injecting);
}

/*
 * Returns whether a line of the log reports a fault. Must be called for each line, in order, since
 * a line may announce what the next ones mean.
 */
bool log_line_is_fault(const char *line)
{
	return !is_remark_on_injected_failure(line) && is_bad(line);
}

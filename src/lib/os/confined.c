// SPDX-License-Identifier: MIT
/* What the library knows about filters of system calls; see confined.h. */
#define _GNU_SOURCE
#include "os/confined.h"

#include <errno.h>
#include <sys/prctl.h>

#include "os/syscall.h"

uint32_t pn_confined;

static __thread struct {
	bool is_confined;
	bool is_seen;
} thread __attribute__((tls_model("initial-exec")));

/* Written under the arena's lock, or while there is one thread. */
static bool is_started;
static long mode_at_start;

bool pn_confined_set(bool is_confined)
{
	uint32_t before =
		is_confined
			? __atomic_fetch_or(&pn_confined, PN_CONFINED_PROCESS, __ATOMIC_RELAXED)
			: __atomic_fetch_and(&pn_confined, ~PN_CONFINED_PROCESS, __ATOMIC_RELAXED);

	return before & PN_CONFINED_PROCESS;
}

bool pn_confined_thread(void)
{
	return __atomic_load_n(&pn_confined, __ATOMIC_RELAXED) & PN_CONFINED_PROCESS ||
	       thread.is_confined || !thread.is_seen;
}

void pn_confined_note_thread(void)
{
	if (!__atomic_load_n(&pn_confined, __ATOMIC_RELAXED))
		thread.is_seen = true;
}

bool pn_confined_set_thread(void)
{
	if (thread.is_confined)
		return true;
	thread.is_confined = true;
	__atomic_fetch_add(&pn_confined, 1, __ATOMIC_RELAXED);
	return false;
}

void pn_confined_restore_thread(bool was_confined)
{
	if (was_confined)
		return;
	thread.is_confined = false;
	__atomic_fetch_sub(&pn_confined, 1, __ATOMIC_RELAXED);
}

/* Returns the seccomp mode; -1 if the kernel has no filters, or a filter refuses this very call. */
static long ask_for_mode(void)
{
	int saved = errno;
	long mode = pn_syscall(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0);

	errno = saved;
	return mode;
}

void pn_confined_start(void)
{
	if (is_started)
		return;
	mode_at_start = ask_for_mode();
	is_started = true;
}

bool pn_confined_ask(void)
{
	pn_confined_note_thread();
	if (!pn_is_confined() && is_started && ask_for_mode() != mode_at_start)
		pn_confined_set(true);
	return pn_is_confined();
}

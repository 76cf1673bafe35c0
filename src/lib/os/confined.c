// SPDX-License-Identifier: MIT
/* What is known of filters of system calls; see confined.h. */
#define _GNU_SOURCE
#include "os/confined.h"

#include <errno.h>
#include <sys/prctl.h>

#include "os/syscall.h"

bool pn_confined;

/* Under the arena's lock, or while there is one thread. */
static bool is_started;
static long mode_at_start;

bool pn_confined_set(bool is_confined)
{
	return __atomic_exchange_n(&pn_confined, is_confined, __ATOMIC_RELAXED);
}

/* -1: the kernel has no filters, or one of them refuses this very call. */
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

bool pn_confined_look(void)
{
	if (!pn_is_confined() && is_started && ask_for_mode() != mode_at_start)
		pn_confined_set(true);
	return pn_is_confined();
}

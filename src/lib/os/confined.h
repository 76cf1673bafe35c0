/* SPDX-License-Identifier: MIT */
/*
 * Processes that filter their own system calls (seccomp). A filter may kill for
 * any call that its program does not make itself, so from then on the library
 * makes none but what every malloc makes: it gets no chunk, gives none back, and
 * leaves its descriptor alone. Once confined, a process stays so, with its children.
 *
 * A filter that one thread installs is that thread's, and its later threads' and children's. Whose
 * thread a new one is, nobody tells the library: so of the others only those are free that were seen
 * before the first filter.
 */
#ifndef PN_CONFINED_H
#define PN_CONFINED_H

#include "os/base.h"

/* Threads that have filters, and a bit for a filter of the whole process. */
#define PN_CONFINED_PROCESS 0x80000000u
extern uint32_t pn_confined;

/* Is this thread, in a process with filters, one that they concern? */
bool pn_confined_thread(void);

/* Safe in signal handlers; no system call. */
static inline bool pn_is_confined(void)
{
	return pn_unlikely(__atomic_load_n(&pn_confined, __ATOMIC_RELAXED)) && pn_confined_thread();
}

/* A thread is seen: as a rule when it allocates for the first time. */
void pn_confined_see_thread(void);

/*
 * This thread is about to install a filter for itself. Returns what was known before, which
 * pn_confined_restore_thread() takes if no filter was installed.
 */
bool pn_confined_set_thread(void);
void pn_confined_restore_thread(bool was_confined);

/* The program says so. Return: what was known before, for who finds that it was not true. */
bool pn_confined_set(bool is_confined);

/* A filter that is there now does not count: the process was made to live with it. Once is enough. */
void pn_confined_start(void);
/* Asks the kernel too, after pn_confined_start(): for before calls that filters seldom allow. */
bool pn_confined_look(void);

#endif /* PN_CONFINED_H */

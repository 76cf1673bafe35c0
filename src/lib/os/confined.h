/* SPDX-License-Identifier: MIT */
/*
 * Processes that filter their own system calls (seccomp): confined processes. A filter may kill the
 * process for any call that the program does not make itself. In a confined process the library
 * therefore makes only the calls that every malloc makes: it gets no chunks, gives none back, and
 * does not use its descriptor. A confined process stays confined, and so do its children.
 *
 * If a thread installs a filter for itself, the filter also applies to threads and children that
 * the thread creates later. The library is not told which thread created a new thread. It therefore
 * treats every thread as confined that it had not seen before the first filter.
 */
#ifndef PN_CONFINED_H
#define PN_CONFINED_H

#include "os/base.h"

/* How many threads have installed filters, plus a bit for a filter of the whole process. */
#define PN_CONFINED_PROCESS 0x80000000u
extern uint32_t pn_confined;

/* In a process with filters: returns true if a filter may apply to the calling thread. */
bool pn_confined_thread(void);

/* Returns true if a filter may apply to this thread. Safe in signal handlers; no system call. */
static inline bool pn_is_confined(void)
{
	return pn_unlikely(__atomic_load_n(&pn_confined, __ATOMIC_RELAXED)) && pn_confined_thread();
}

/*
 * Notes that the library has seen this thread; called when a thread first allocates, for instance.
 */
void pn_confined_note_thread(void);

/*
 * Notes that this thread is about to install a filter for itself. Returns whether that was noted
 * before. If no filter was installed, pass this value to pn_confined_restore_thread().
 */
bool pn_confined_set_thread(void);
void pn_confined_restore_thread(bool was_confined);

/*
 * Notes whether the whole process has a filter. Return: whether that was noted before, so that the
 * caller can restore it if no filter was installed.
 */
bool pn_confined_set(bool is_confined);

/*
 * Notes the filter that the process has now, if any. Such a filter does not count as one, because
 * the process was started under it. Only the first call has an effect.
 */
void pn_confined_start(void);
/*
 * Returns true if a filter may apply to this thread. After pn_confined_start() it also asks the
 * kernel. Call this before any system call that a seccomp filter may forbid.
 */
bool pn_confined_ask(void);

#endif /* PN_CONFINED_H */

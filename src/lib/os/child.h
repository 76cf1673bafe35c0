/* SPDX-License-Identifier: MIT */
/*
 * How a forked child is recognised, whatever made it: fork(), _Fork() or a bare clone(). A word
 * lies in memory that the kernel wipes in each child (MADV_WIPEONFORK). While the word says so the
 * child is new: what it inherited is still set up as its parent's. The first slow path, or the
 * atfork handler before that, settles it, once and at a moment when the thread is inside none of
 * the library's locks. front/fork.c says what that means.
 */
#ifndef PN_CHILD_H
#define PN_CHILD_H

#include "os/base.h"

#define PN_CHILD_NEW 0u
#define PN_CHILD_SETTLED 1u
/* A thread is at it; the others wait. */
#define PN_CHILD_SETTLING 2u

/* Leads to one of the above. */
extern const uint32_t *pn_child_word;

/* Return: true in a forked child that is not settled. Safe in signal handlers; no system call. */
static inline bool pn_child_is_new(void)
{
	return __atomic_load_n(pn_child_word, __ATOMIC_ACQUIRE) != PN_CHILD_SETTLED;
}

/*
 * Returns true in a child made by vfork(), whose memory is its parent's. A system call. May be
 * wrong before pn_child_start().
 */
bool pn_child_shares_memory(void);

/*
 * A child that sees what was written after this sees what was written before it. (ThreadSanitizer
 * knows no fences, and looks at no child.)
 */
static inline void pn_child_order_writes(void)
{
#ifdef PN_THREAD_SANITIZER
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#else
	__atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

/*
 * Makes the word, in the process that initialises the library. From now on pn_child_settle() calls
 * @settle in new children. Return: false without memory.
 */
bool pn_child_start(void (*settle)(void));

/*
 * Settles a new child; elsewhere it does nothing. Return: false, with nothing changed, if a signal
 * handler forked while this thread was inside a locked section, which will go on and must find its
 * data as they are.
 */
bool pn_child_settle(void);

#endif /* PN_CHILD_H */

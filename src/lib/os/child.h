/* SPDX-License-Identifier: MIT */
/*
 * Recognises a forked child, whether fork(), _Fork() or a bare clone() has made it. One word lies
 * in memory that the kernel wipes in each child (MADV_WIPEONFORK). While the word is 0, the child
 * is new: the data that it inherited still describe its parent. A new child is settled once, by the
 * atfork handler or else by the first slow path, at a moment when the thread holds none of the
 * library's locks. front/fork.c says what settling does.
 */
#ifndef PN_CHILD_H
#define PN_CHILD_H

#include "os/base.h"

#define PN_CHILD_NEW 0u
#define PN_CHILD_SETTLED 1u
/* One thread is settling the child; the other threads wait. */
#define PN_CHILD_SETTLING 2u

/* Points to the word, whose value is one of these three. */
extern const uint32_t *pn_child_word;

/* Return: true in a forked child that is not settled. Safe in signal handlers; no system call. */
static inline bool pn_child_is_new(void)
{
	return __atomic_load_n(pn_child_word, __ATOMIC_ACQUIRE) != PN_CHILD_SETTLED;
}

/*
 * Returns true in a child made by vfork(), which shares its parent's memory. Makes a system call.
 * The result may be wrong before pn_child_start().
 */
bool pn_child_shares_memory(void);

/*
 * Orders the thread's writes for children that another thread may be forking: a child that sees a
 * write made after this call sees all writes made before the call. (ThreadSanitizer does not
 * support fences, and does not check children.)
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
 * Maps the word, in the process that initialises the library. From then on, pn_child_settle() calls
 * @settle in new children. Return: false if there is no memory.
 */
bool pn_child_start(void (*settle)(void));

/*
 * Settles a new child; in any other process, does nothing. Return: false, with nothing changed, if
 * a signal handler forked while this thread was inside a locked section: that section will
 * continue, and must find its data unchanged.
 */
bool pn_child_settle(void);

#endif /* PN_CHILD_H */

/* SPDX-License-Identifier: MIT */
/*
 * A thread's own record: how many of the library's locks it holds, and whether it takes a sample,
 * announces memory that goes back, or is in a function of a registrar.
 */
#ifndef PN_THREAD_H
#define PN_THREAD_H

#include "os/base.h"

/**
 * struct pn_lock_thread - a thread's own record
 * @held: how many locks the thread holds or waits for
 * @is_sampling: the thread takes a sample; what it allocates meanwhile does not belong in the
 *	profile
 * @is_announcing: the thread announces memory that is about to be given back (announce.h), or is
 *	in a function of a registrar
 */
struct pn_lock_thread {
	uint32_t held;
	bool is_sampling;
	bool is_announcing;
};

/* The calling thread's record. Its address identifies the thread. */
extern __thread struct pn_lock_thread pn_lock_thread __attribute__((tls_model("initial-exec")));

#endif /* PN_THREAD_H */

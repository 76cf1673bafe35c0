/* SPDX-License-Identifier: MIT */
/*
 * What a thread knows of itself: how many of the library's locks it holds, and whether it samples.
 */
#ifndef PN_THREAD_H
#define PN_THREAD_H

#include "os/base.h"

/**
 * struct pn_lock_thread - what a thread knows of its locks
 * @held: locks that it holds or waits for
 * @is_sampling: what it allocates now is no business of the profile's
 */
struct pn_lock_thread {
	uint32_t held;
	bool is_sampling;
};

/* Its address is also the thread's name. */
extern __thread struct pn_lock_thread pn_lock_thread __attribute__((tls_model("initial-exec")));

#endif /* PN_THREAD_H */

/* SPDX-License-Identifier: MIT */
/*
 * Mutexes that live with fork, however it comes.
 *
 * fork() must find no lock held by a thread that the child will not have, so the
 * thread that forks takes them all. Around that it may still have to allocate:
 * in atfork handlers of others that run while ours hold the locks. So while a
 * thread has all of them for a fork, its own locking does nothing.
 *
 * And a signal handler may fork while its thread is inside a locked section.
 * Taking the rest of the locks could then wait for ever, for a thread that waits
 * for this one. So each lock remembers who holds it: such a fork takes none, and in
 * the child the locks of threads that do not exist there are made new, while
 * those of the thread that goes on stay as they are.
 *
 * Acquiring and releasing is no cancellation point and, uncontended, no system call.
 */
#ifndef PN_LOCK_H
#define PN_LOCK_H

#include <pthread.h>

#include "os/assert.h"
#include "os/base.h"

struct pn_lock {
	pthread_mutex_t mutex;
	const struct pn_lock_thread *owner;
};

/**
 * struct pn_lock_thread - what a thread knows of its locks
 * @held: locks it holds
 * @forks: forks it is inside of; a signal handler may fork inside a fork
 * @has_all: it took all locks for a fork
 * @is_sampling: what it allocates now is no business of the profile's
 */
struct pn_lock_thread {
	uint32_t held;
	uint16_t forks;
	bool has_all;
	bool is_sampling;
};

/* Its address is also the thread's name, in the child of a fork too. */
extern __thread struct pn_lock_thread pn_lock_thread __attribute__((tls_model("initial-exec")));

#define PN_LOCK_INIT                               \
	{                                          \
		.mutex = PTHREAD_MUTEX_INITIALIZER \
	}

static inline void pn_lock(struct pn_lock *lock)
{
	struct pn_lock_thread *me = &pn_lock_thread;

	if (me->has_all)
		return;
	me->held++;
	pthread_mutex_lock(&lock->mutex);
	lock->owner = me;
}

static inline void pn_unlock(struct pn_lock *lock)
{
	struct pn_lock_thread *me = &pn_lock_thread;

	if (me->has_all)
		return;
	lock->owner = NULL;
	pthread_mutex_unlock(&lock->mutex);
	me->held--;
}

/* Return: true if the calling thread holds the lock, or has taken all of them for a fork. */
static inline bool pn_lock_is_held(const struct pn_lock *lock)
{
	return pn_lock_thread.has_all || lock->owner == &pn_lock_thread;
}

/* A function whose name ends in _locked begins with this; test/lint/functions.sh checks it. */
#define pn_lock_assert_held(lock) pn_assert(pn_lock_is_held(lock))

/* In a forked child: new, unless the thread that goes on holds it, and will release it. */
static inline void pn_lock_reset(struct pn_lock *lock)
{
	if (lock->owner != &pn_lock_thread)
		*lock = (struct pn_lock)PN_LOCK_INIT;
}

#endif /* PN_LOCK_H */

/* SPDX-License-Identifier: MIT */
/*
 * Locks that nobody takes for a fork.
 *
 * A child has only the thread that forked. A lock that another thread held at that moment is held
 * for ever in the child, and what it covers may be half changed. So the child makes all locks new,
 * together with what they cover, when it is settled (child.h), and no thread waits for a lock in a
 * new child: pn_lock() settles it first.
 *
 * A signal handler may fork while its thread is inside a locked section. In the child that section
 * goes on after the handler: its data are as the thread left them, and nobody else is there to
 * change them. So the child is not settled before the thread has left its outermost section. Until
 * then the thread cannot have another lock that somebody held at the fork, since what that lock
 * covers is not to be used: pn_lock_inside() returns false, and the section ends without it.
 *
 * A lock is one word: 0 free, 1 held, 2 held and somebody may wait. Acquiring and releasing it is
 * no cancellation point, calls no function of the C library and, uncontended, makes no system call.
 */
#ifndef PN_LOCK_H
#define PN_LOCK_H

#include "os/assert.h"
#include "os/base.h"
#include "os/thread.h"

/**
 * struct pn_lock - a lock
 * @word: its state
 * @owner: the thread that holds it; assertions alone need to know
 */
struct pn_lock {
	uint32_t word;
#if PN_CHECKS
	const struct pn_lock_thread *owner;
#endif
};

#define PN_LOCK_INIT      \
	{                 \
		.word = 0 \
	}

/*
 * Waits for a lock that is not free. Return: true if the thread has it now; see pn_lock_inside().
 */
bool pn_lock_wait(struct pn_lock *lock);
/* Wakes a thread that waits for the lock. */
void pn_lock_wake(struct pn_lock *lock);

static inline void pn_lock_set_owner(struct pn_lock *lock, const struct pn_lock_thread *owner)
{
#if PN_CHECKS
	lock->owner = owner;
#else
	(void)lock;
	(void)owner;
#endif
}

static inline bool pn_lock_try_word(struct pn_lock *lock)
{
	uint32_t is_free = 0;

	return __atomic_compare_exchange_n(&lock->word, &is_free, 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/*
 * Acquires a lock while the thread may hold others. Return: false, without the lock, in a child
 * that a signal handler forked while the thread was inside the section of one of the others.
 */
static inline __attribute__((warn_unused_result)) bool pn_lock_inside(struct pn_lock *lock)
{
	pn_lock_thread.held++;
	/* A signal handler that forks must see that the thread is about to be inside. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (pn_unlikely(!pn_lock_try_word(lock)) && !pn_lock_wait(lock)) {
		pn_lock_thread.held--;
		return false;
	}
	pn_lock_set_owner(lock, &pn_lock_thread);
	return true;
}

/* Acquires a lock while the thread holds no other one. */
static inline void pn_lock(struct pn_lock *lock)
{
	/* Fails only where a signal handler uses the heap while its thread is inside a section. */
	while (!pn_lock_inside(lock))
		;
	pn_assert(pn_lock_thread.held == 1);
}

/* Acquires a lock if it is free. Return: false if not. */
static inline bool pn_lock_try(struct pn_lock *lock)
{
	pn_lock_thread.held++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (!pn_lock_try_word(lock)) {
		pn_lock_thread.held--;
		return false;
	}
	pn_lock_set_owner(lock, &pn_lock_thread);
	return true;
}

static inline void pn_unlock(struct pn_lock *lock)
{
	pn_lock_set_owner(lock, NULL);
	if (pn_unlikely(__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2))
		pn_lock_wake(lock);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	pn_lock_thread.held--;
}

/*
 * Makes the lock free, in a forked child that is being settled. What it covers is made new after
 * that: whoever released it last has written it before.
 */
static inline void pn_lock_reset(struct pn_lock *lock)
{
	__atomic_exchange_n(&lock->word, 0, __ATOMIC_ACQUIRE);
	pn_lock_set_owner(lock, NULL);
}

#if PN_CHECKS
/* Return: true if the calling thread holds the lock. */
static inline bool pn_lock_is_held(const struct pn_lock *lock)
{
	return lock->owner == &pn_lock_thread;
}
#else
/* Assertions that are compiled out name it. */
bool pn_lock_is_held(const struct pn_lock *lock);
#endif

/* A function whose name ends in _locked begins with this; test/lint/functions.sh checks it. */
#define pn_lock_assert_held(lock) pn_assert(pn_lock_is_held(lock))

#endif /* PN_LOCK_H */

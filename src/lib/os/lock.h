/* SPDX-License-Identifier: MIT */
/*
 * Locks that a fork need not acquire.
 *
 * A forked child has only the thread that forked. A lock that another thread held at the fork would
 * stay held in the child for ever, and the data under the lock may be half changed. When a child is
 * settled (child.h), it therefore resets all locks together with their data. No thread waits for a
 * lock in a new child: if the lock is not free, pn_lock() settles the child first.
 *
 * A signal handler may fork while the interrupted thread is inside a locked section. In the child,
 * that section continues after the handler. Its data are as the thread left them, and no other
 * thread can change them. The child is therefore not settled before the thread has left its
 * outermost section. Until then, the thread cannot acquire any other lock that was held at the
 * fork, because the data under that lock must not be used: pn_lock_inside() returns false, and the
 * section ends without the lock.
 *
 * A lock is one word: 0 free, 1 held, 2 held and a thread may be waiting, 3 lost: in a new child,
 * another thread held the lock at the fork, and the data stay unused until the child is settled.
 *
 * Acquiring or releasing a lock is not a cancellation point, calls no function of the C library
 * and, uncontended, makes no system call.
 */
#ifndef PN_LOCK_H
#define PN_LOCK_H

#include "os/assert.h"
#include "os/base.h"
#include "os/thread.h"

/**
 * struct pn_lock - a lock
 * @word: the state: 0 to 3, as above
 * @owner: the thread that holds the lock; only assertions use it
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

/* Waits for a lock that is not free, and acquires it. Return: as pn_lock_inside(). */
bool pn_lock_wait(struct pn_lock *lock);
/*
 * Ends the release of a lock whose word @was 2 or 3: wakes one thread that waits for the lock, or
 * leaves the lock lost.
 */
void pn_lock_end_release(struct pn_lock *lock, uint32_t was);

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
 * Acquires a lock while the thread may hold other locks. Return: false, without the lock, in a
 * child that a signal handler forked while the thread was inside the section of one of the other
 * locks.
 */
static inline __attribute__((warn_unused_result)) bool pn_lock_inside(struct pn_lock *lock)
{
	pn_lock_thread.held++;
	/* A signal handler that forks must see that the thread is about to enter a section. */
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
	/*
	 * This fails only if a signal handler uses the heap while the thread is inside a section.
	 */
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
	uint32_t was;

	pn_lock_set_owner(lock, NULL);
	was = __atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE);
	if (pn_unlikely(was > 1))
		pn_lock_end_release(lock, was);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	pn_lock_thread.held--;
}

/*
 * Releases a lock in the middle of a section, which goes on: if a signal handler forks meanwhile,
 * the child is not settled before the section has ended.
 */
static inline void pn_lock_pause(struct pn_lock *lock)
{
	pn_lock_thread.held++;
	pn_unlock(lock);
}

/*
 * Acquires the lock again after pn_lock_pause(). Return: false in a child that a signal handler
 * forked meanwhile, if another thread held the lock at the fork. The calling thread must then leave
 * the data under the lock alone, but releases the lock at the end of its section as usual. The lock
 * is lost then.
 */
bool pn_lock_resume(struct pn_lock *lock) __attribute__((warn_unused_result));

/*
 * Makes the lock free, in a forked child that is being settled. The acquire order makes visible
 * what the last holder wrote under the lock; the child resets that data afterwards.
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
/* Declared only because assertions that are compiled out mention it. */
bool pn_lock_is_held(const struct pn_lock *lock);
#endif

/* A function whose name ends in _locked begins with this; test/lint/functions.sh checks it. */
#define pn_lock_assert_held(lock) pn_assert(pn_lock_is_held(lock))

#endif /* PN_LOCK_H */

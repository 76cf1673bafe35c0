// SPDX-License-Identifier: MIT
/* Waiting for a lock; see lock.h. */
#include "os/lock.h"

#include "os/child.h"
#include "os/sys.h"

#define PN_LOCK_LOST 3

/* The thread's count includes the lock that it waits for, which must not prevent settling. */
static bool settle_before_waiting(void)
{
	bool is_settled;

	pn_lock_thread.held--;
	is_settled = pn_child_settle();
	pn_lock_thread.held++;
	return is_settled;
}

/*
 * A signal handler may fork while the thread waits in this function. In the child nobody wakes the
 * thread. pn_sys_wait() therefore returns after a few milliseconds, and the thread checks whether
 * it is in a new child.
 */
PN_NOINLINE bool pn_lock_wait(struct pn_lock *lock)
{
	for (;;) {
		if (pn_unlikely(pn_child_is_new()) && !settle_before_waiting())
			return false;
		if (!__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE))
			return true;
		pn_sys_wait(&lock->word, 2);
	}
}

/*
 * If the lock cannot be acquired, nobody else runs in the child, so the lock may count as the
 * calling thread's.
 */
bool pn_lock_resume(struct pn_lock *lock)
{
	bool is_acquired = pn_lock_inside(lock);

	if (is_acquired) {
		pn_lock_thread.held--;
	} else {
		__atomic_store_n(&lock->word, PN_LOCK_LOST, __ATOMIC_RELAXED);
		pn_lock_set_owner(lock, &pn_lock_thread);
	}
	return is_acquired;
}

PN_NOINLINE void pn_lock_end_release(struct pn_lock *lock, uint32_t was)
{
	if (was == PN_LOCK_LOST)
		__atomic_store_n(&lock->word, PN_LOCK_LOST, __ATOMIC_RELAXED);
	else
		pn_sys_wake(&lock->word, 1);
}

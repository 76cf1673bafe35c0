// SPDX-License-Identifier: MIT
/* Waiting for a lock; see lock.h. */
#include "os/lock.h"

#include "os/child.h"
#include "os/sys.h"

/* The thread waits for a lock, so it counts as inside of that one. */
static bool settle_before_waiting(void)
{
	bool is_settled;

	pn_lock_thread.held--;
	is_settled = pn_child_settle();
	pn_lock_thread.held++;
	return is_settled;
}

/*
 * A signal handler may fork while the thread waits in here. In the child nobody wakes it, so that
 * it looks now and then by itself whether it is in one.
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

PN_NOINLINE void pn_lock_wake(struct pn_lock *lock)
{
	pn_sys_wake(&lock->word, 1);
}

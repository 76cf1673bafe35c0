// SPDX-License-Identifier: MIT
/*
 * Forks. The handler that runs before a fork takes no lock. So a fork cannot deadlock with a thread
 * that waits for a lock which fork() holds, be it one of the C library's or of another library's
 * handler. And a fork is not delayed by a thread that is obtaining memory.
 *
 * The model. fork() copies the process at one moment. Of each thread, the child sees the stores up
 * to some point in program order, and the child sees no store that depends on a store which the
 * child does not see. (The kernel write-protects the parent's pages, and releases the page table
 * lock only after no CPU can write through a stale TLB entry.) So the child can rely on a single
 * word, and on the order of two stores if the writer enforced that order. The child cannot rely on
 * two words that change together under a lock. Of the data that it inherited, the child reads only
 * these:
 *
 *   - what is written once, before the first pointer is handed out: the arena's addresses and
 *     tables, the classes, the configuration, the backend and options of a heap;
 *   - the tables that map a page to a slab, and a slot to a state and a heap. Each entry is a
 *     single word; it is set with a release store after the record is complete, and cleared before
 *     the record is used again;
 *   - where a slab or a medium object is and what size its objects have, which does not change
 *     while a table entry leads to the record; and the state of each object, a byte. An object that
 *     the child's program may use was handed out before the fork, and no other thread was changing
 *     its state;
 *   - the list of heaps and the list of attached devices: a single store links or unlinks an
 *     element;
 *   - the pool of each slot of the arena, and the last pool number: single words that are written
 *     before the pool populates the slot, or exists;
 *   - the region of each slot: a single word that is written after the length of the region which
 *     it names;
 *   - the number of claimed slots, which is written after the table entries of these slots are
 *     mapped; and the number of slots that are being claimed, which is written before: the child
 *     unmaps the table entries of these slots;
 *   - the samples and stacks of a profile: each is linked into its list after it is complete, and
 *     unlinked before it is used again. If a sample was being recorded at the fork, some of the
 *     sums may be one sample ahead of the others.
 *
 * Everything else is made new here: locks, lists, counts, caches, pools. The child hands out no
 * memory that it inherited, and freeing an inherited object only changes the object's state and may
 * return its pages to the system. Slots that the backend was populating or taking back for another
 * thread at the fork are holes of the parent's pool, and the child never uses them; slots that were
 * being announced (LEAVING) are inherited memory without an object. So no pointer changes its
 * meaning for a device, and an operation of another thread that the fork interrupted does no harm.
 *
 * When. The atfork handler settles the child if the thread holds no lock; otherwise the next slow
 * path does (see child.h and lock.h). A child made by clone() or _Fork() runs no handler, and
 * handlers of other libraries may run before ours: in these cases the first slow path settles the
 * child. Until then the fast paths can use only the objects in the thread's cache. They are the
 * child's own copies, and no table translates their addresses for a device any more.
 */
#include "front/fork.h"

#include "backend/devices.h"
#include "chunk/forks.h"
#include "chunk/registrar.h"
#include "front/harden.h"
#include "front/heaps.h"
#include "front/tcache.h"
#include "object/retain.h"
#include "os/child.h"
#include "os/random.h"
#include "profile/profile.h"

/*
 * The function that glibc's pthread_atfork() calls. It is weak, because other C libraries do not
 * have it.
 */
extern int __register_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void),
			     void *dso) __attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden")));

void pn_fork_settle(void)
{
	pn_arena_reset_lock();
	pn_devices_in_child();
	pn_registrars_in_child();
	pn_forks_in_child();
	pn_heaps_in_child();
	pn_retain_in_child();
	pn_harden_in_child();
	pn_tcache_in_child();
	pn_profile_in_child();
	pn_random_in_child();
	/*
	 * Last, after the locks are reset: threads that have ended read the epoch under these
	 * locks.
	 */
	__atomic_fetch_add(&pn_arena.epoch, 1, __ATOMIC_RELAXED);
}

static void before(void)
{
	pn_forks_begin(pn_heap.pool.backend);
}

static void in_parent(void)
{
	pn_forks_end(pn_heap.pool.backend);
}

static void in_child(void)
{
	pn_child_settle();
}

void pn_fork_register(void)
{
	static bool is_registered;

	if (!__register_atfork || __atomic_exchange_n(&is_registered, true, __ATOMIC_RELAXED))
		return;
	__register_atfork(before, in_parent, in_child, &__dso_handle);
}

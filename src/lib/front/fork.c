// SPDX-License-Identifier: MIT
/*
 * Forks. No handler takes a lock before a fork, so that none can wait for a thread that waits for a lock
 * of the C library's or of another library's which fork holds; and a fork beside a thread that
 * obtains memory takes no longer than without the library.
 *
 * The model. fork() copies a process at one moment: of each thread the child has what it had written
 * up to some point, and it has nothing that was written because of something that it does not have.
 * (The kernel write-protects the pages of the parent, and lets go of its page tables' lock only when
 * no processor can write through an old translation any more.) So the child can rely on single
 * words, and on the order in which two words were written, if that order was enforced; not on two
 * words that change together under a lock. It reads these of what it inherited, and no others:
 *
 *   - what is written once, before the first pointer is handed out: the arena's addresses and tables,
 *     classes, the configuration, a heap's backend and options;
 *   - the tables from page to slab and from slot to state and heap: entries are single words, set
 *     when the record is complete (release), cleared before the record is used again;
 *   - of a slab or a medium object: where it is and what size its objects have, which does not change
 *     while an entry leads to it; and the state of each object, a byte. An object that the child's
 *     program may use was handed out before the fork, and nobody was changing it;
 *   - the list of heaps, and of attached devices, which are linked and unlinked by one word;
 *   - to which pool and to which extent a slot of the arena belongs, and the last number of a pool:
 *     single words that are written before what they stand for exists;
 *   - how many slots are claimed, which is written when their entries in the tables are mapped; and how
 *     many were just being claimed, which is written before: the child unmaps the entries of these;
 *   - a profile's samples and stacks: in a list when they are complete, out of it before they are used
 *     again. Of a sample that was being recorded some of the sums may be one ahead of the others.
 *
 * Everything else is made new here: locks, lists, counts, caches, pools. The child gives out no
 * memory that it inherited; to free an inherited object changes its state. So no pointer changes its
 * meaning for a device, and what another thread was in the middle of does not matter.
 *
 * When. The atfork handler does it, if the thread is inside no lock; else the next slow path (see
 * child.h and lock.h). A child that was made by clone() or _Fork() runs no handler, and handlers of
 * others may run before ours: then it is the first slow path. Until then the fast paths can only use
 * what the thread had cached, which is its own copy, and which no table translates any more.
 */
#include "front/fork.h"

#include "backend/devices.h"
#include "chunk/forks.h"
#include "front/harden.h"
#include "front/heaps.h"
#include "front/tcache.h"
#include "object/retain.h"
#include "os/child.h"
#include "os/random.h"
#include "profile/profile.h"

/* What pthread_atfork calls; by its own name, since other C libraries do not have it. */
extern int __register_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void),
			     void *dso) __attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden")));

void pn_fork_settle(void)
{
	pn_arena_reset_lock();
	pn_devices_in_child();
	pn_forks_in_child();
	pn_heaps_in_child();
	pn_retain_in_child();
	pn_harden_in_child();
	pn_tcache_in_child();
	pn_profile_in_child();
	pn_random_in_child();
	/* Last: after the locks under which threads that have ended read it. */
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

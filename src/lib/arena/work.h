/* SPDX-License-Identifier: MIT */
/*
 * Slots whose memory a thread is obtaining or giving back. The thread does that without the arena's
 * lock, because the kernel may need long for it. Until the thread has finished, no other thread
 * takes or changes these slots. The lock covers the list of these slots.
 *
 * A thread that makes a registrar's key for a slot in use adds the slot, too, so that nobody gives
 * the chunk back meanwhile. Several threads may do so for one slot.
 */
#ifndef PN_WORK_H
#define PN_WORK_H

#include "arena/arena.h"

/**
 * struct pn_work - what one thread is working on; a variable on the thread's stack
 * @first: the first slot
 * @count: how many slots; some of them may not be claimed yet
 * @next: next in the list
 */
struct pn_work {
	size_t first;
	size_t count;
	struct pn_work *next;
};

/* Adds @work to the list. Only the slots of registrars' keys may be in the list already. */
void pn_work_begin_locked(struct pn_work *work);
/* Removes @work from the list. */
void pn_work_end_locked(struct pn_work *work);
/* Returns the work that contains @slot, or NULL. The caller holds the arena's lock. */
const struct pn_work *pn_work_at(size_t slot);
/* In a forked child: forgets the work of the parent's threads, which the child does not have. */
void pn_work_in_child(void);

#endif /* PN_WORK_H */

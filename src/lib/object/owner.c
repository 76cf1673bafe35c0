// SPDX-License-Identifier: MIT
/*
 * A thread's slabs: how the thread takes objects from them, returns objects to them, gets more
 * slabs, and gives its slabs up when it ends.
 *
 * Only the owner reads and changes a slab's free bits, and the list of its slabs with free objects.
 * Objects that other threads return are marked in the slab's second set of bits, under the class's
 * lock; the owner collects them when it has no free object of the class left. A thread therefore
 * takes a class's lock about once for some hundred objects. A thread that frees only what it has
 * allocated takes the lock only when it makes or unmakes a slab.
 *
 * When a thread ends, its slabs with free objects become unowned. Its full slabs keep the pointer
 * to its record; they belong to the next thread that gets the record, unless somebody returns an
 * object to them first. A thread adopts a slab that is unowned, or whose owner has ended, when it
 * needs a slab. It also adopts such a slab when it frees one of the slab's objects, because programs
 * often hand the objects of one thread on to the next thread. If more than half of the slab is free,
 * however, then the slab stays unowned until a thread needs objects. Otherwise a thread that frees
 * much and allocates little would collect free objects, and other threads would make new slabs.
 */
#include "object/owner.h"

#include "chunk/idle.h"
#include "object/central.h"

static struct pn_central *central_of(unsigned int class)
{
	return &pn_heap.centrals[class];
}

/*
 * Returns true if the owner's record was begun in this process. A signal handler may fork, and
 * settle the child, at any point at which the interrupted thread holds no lock. In the child, the
 * thread then goes on with a record of the parent. It may take objects from that record's
 * inherited slabs, but must not add slabs of the child to the record, or count their objects.
 */
static bool is_of_this_process(const struct pn_owner *owner)
{
	return owner->epoch == pn_arena.epoch;
}

static void count_out(const struct pn_owner *owner, unsigned int class, int64_t count)
{
	if (is_of_this_process(owner))
		pn_central_count_out(&pn_heap, class, count);
}

/* Objects that other threads returned. */

static void collect_locked(struct pn_owner *owner, unsigned int class)
{
	struct pn_slab *slab;

	pn_lock_assert_held(&central_of(class)->lock);
	while ((slab = owner->returned[class])) {
		pn_returned_remove_locked(owner, slab);
		if (pn_slab_collect_locked(&owner->partial[class], slab))
			pn_slab_unmake_locked(slab);
	}
}

/* More slabs. */

/*
 * An unowned slab with free objects is in the class's list, and leaves that list for the owner's.
 */
static void adopt_locked(struct pn_owner *owner, struct pn_slab *slab)
{
	pn_lock_assert_held(&central_of(slab->class)->lock);
	if (slab->free) {
		pn_slab_remove(&central_of(slab->class)->partial, slab);
		pn_slab_push(&owner->partial[slab->class], slab);
	}
	pn_slab_set_owner(slab, owner);
}

/* Returns true if more than half is free. Without the class's lock, this may be out of date. */
static bool is_mostly_free(const struct pn_slab *slab)
{
	return __atomic_load_n(&slab->free, __ATOMIC_RELAXED) > slab->count / 2;
}

bool pn_owner_adopt(struct pn_owner *owner, struct pn_slab *slab)
{
	struct pn_central *central = central_of(slab->class);
	bool is_free;

	if (is_mostly_free(slab))
		return false;
	pn_lock(&central->lock);
	is_free = is_of_this_process(owner) && pn_slab_is_unowned(slab) &&
		  slab->epoch == owner->epoch;
	if (is_free)
		adopt_locked(owner, slab);
	pn_unlock(&central->lock);
	return is_free;
}

static void get_slab_locked(struct pn_owner *owner, unsigned int class)
{
	struct pn_central *central = central_of(class);
	struct pn_slab *slab;

	pn_lock_assert_held(&central->lock);
	collect_locked(owner, class);
	if (owner->partial[class])
		return;
	if (central->partial) {
		adopt_locked(owner, central->partial);
		return;
	}
	slab = pn_slab_make_locked(&pn_heap, class, owner);
	if (slab)
		pn_slab_push(&owner->partial[class], slab);
}

/* Returns false if there is no memory. */
static bool get_slab(struct pn_owner *owner, unsigned int class)
{
	struct pn_central *central = central_of(class);

	pn_lock(&central->lock);
	if (is_of_this_process(owner))
		get_slab_locked(owner, class);
	pn_unlock(&central->lock);
	pn_idle_tidy(&pn_heap);
	return owner->partial[class];
}

/* Objects. */

size_t pn_owner_take(struct pn_owner *owner, unsigned int class, struct pn_free *objects,
		     size_t wanted)
{
	struct pn_slab **partial = &owner->partial[class];
	size_t got = 0;

	/* Get more slabs only for the first object: a batch need not be full. */
	if (!*partial && !get_slab(owner, class))
		return 0;
	while (got < wanted && *partial) {
		struct pn_slab *slab = *partial;

		got += pn_slab_take_from(slab, objects + got, wanted - got);
		if (!slab->free)
			pn_slab_remove(partial, slab);
	}
	count_out(owner, class, (int64_t)got);
	return got;
}

static void unmake(struct pn_slab *slab)
{
	struct pn_central *central = central_of(slab->class);

	pn_lock(&central->lock);
	pn_slab_unmake_locked(slab);
	pn_unlock(&central->lock);
	pn_idle_tidy(&pn_heap);
}

/* Consecutive objects of slabs that @owner does not own are returned together, under one lock. */
void pn_owner_give(struct pn_owner *owner, unsigned int class, const struct pn_free *objects,
		   size_t count)
{
	size_t others = 0, own = 0;

	for (size_t i = 0; i < count; i++) {
		struct pn_slab *slab = pn_slab_at(pn_arena_offset(objects[i].object));

		if (pn_slab_owner(slab) != owner) {
			others++;
			continue;
		}
		if (others)
			pn_central_give(&pn_heap, class, &objects[i - others], others);
		others = 0;
		if (pn_slab_put(&owner->partial[class], slab, objects[i].state))
			unmake(slab);
		own++;
	}
	if (others)
		pn_central_give(&pn_heap, class, &objects[count - others], others);
	count_out(owner, class, -(int64_t)own);
}

static bool purge_locked(struct pn_owner *owner, unsigned int class)
{
	struct pn_central *central = central_of(class);
	bool was_any = false;

	pn_lock_assert_held(&central->lock);
	if (is_of_this_process(owner)) {
		collect_locked(owner, class);
		was_any = pn_slab_unmake_empty_locked(central, &owner->partial[class]);
	}
	return pn_slab_unmake_empty_locked(central, &central->partial) || was_any;
}

bool pn_owner_purge(struct pn_owner *owner)
{
	bool was_any = false;

	for (unsigned int class = 0; class < PN_CLASSES; class ++) {
		struct pn_central *central = central_of(class);

		pn_lock(&central->lock);
		was_any = purge_locked(owner, class) || was_any;
		pn_unlock(&central->lock);
	}
	pn_idle_tidy(&pn_heap);
	return was_any;
}

/* Beginning and end of a thread. */

/*
 * The record may be that of a thread that has ended, whose full slabs still name it. Another thread
 * that has just seen one of them as unowned adopts the slab, or returns objects to it, under the
 * class's lock; so the record becomes an owner again under that lock.
 */
void pn_owner_begin(struct pn_owner *owner)
{
	for (unsigned int class = 0; class < PN_CLASSES; class ++) {
		if (!owner->has_ended[class])
			continue;
		pn_lock(&central_of(class)->lock);
		__atomic_store_n(&owner->has_ended[class], false, __ATOMIC_RELAXED);
		pn_unlock(&central_of(class)->lock);
	}
}

static void disown_slabs_locked(struct pn_owner *owner, unsigned int class)
{
	struct pn_central *central = central_of(class);

	pn_lock_assert_held(&central->lock);
	__atomic_store_n(&owner->has_ended[class], true, __ATOMIC_RELAXED);
	collect_locked(owner, class);
	while (owner->partial[class]) {
		struct pn_slab *slab = owner->partial[class];

		pn_slab_remove(&owner->partial[class], slab);
		pn_slab_set_owner(slab, NULL);
		if (slab->free == slab->count && central->partial)
			pn_slab_unmake_locked(slab);
		else
			pn_slab_push(&central->partial, slab);
	}
}

void pn_owner_end(struct pn_owner *owner)
{
	for (unsigned int class = 0; class < PN_CLASSES; class ++) {
		struct pn_central *central = central_of(class);

		pn_lock(&central->lock);
		if (is_of_this_process(owner))
			disown_slabs_locked(owner, class);
		pn_unlock(&central->lock);
	}
	pn_idle_tidy(&pn_heap);
}

// SPDX-License-Identifier: MIT
/*
 * Takes objects from the unowned slabs of a class, and returns objects to any slab, under the lock
 * of the class.
 *
 * When a thread returns an object of another thread's slab, the object is marked in the slab's
 * second set of bits, and the slab enters the list that its owner collects from. If all objects of
 * the slab have been returned in this way, the slab is unmade at once, so that a sleeping owner
 * keeps no memory that other threads have freed. No free bit is set in such a slab, so the owner
 * cannot be using the slab without the lock.
 */
#include "object/central.h"

#include "chunk/idle.h"
#include "object/returned.h"

void pn_central_count_out(struct pn_heap *heap, unsigned int class, int64_t count)
{
	__atomic_fetch_add(&heap->centrals[class].out, count, __ATOMIC_RELAXED);
}

/* Unowned slabs. */

size_t pn_central_take(struct pn_heap *heap, unsigned int class, struct pn_free *objects,
		       size_t wanted)
{
	struct pn_central *central = &heap->centrals[class];
	size_t got = 0;

	pn_lock(&central->lock);
	while (got < wanted) {
		struct pn_slab *slab;

		slab = central->partial;
		/* Make a new slab only for the first object: a batch need not be full. */
		if (!slab && !got) {
			slab = pn_slab_make_locked(heap, class, NULL);
			if (slab)
				pn_slab_push(&central->partial, slab);
		}
		if (!slab)
			break;
		pn_assert(slab->free && slab->heap == heap && slab->class == class);
		got += pn_slab_take_from(slab, objects + got, wanted - got);
		if (!slab->free)
			pn_slab_remove(&central->partial, slab);
	}
	pn_central_count_out(heap, class, (int64_t)got);
	pn_unlock(&central->lock);
	pn_idle_tidy(heap);
	return got;
}

/* Owned slabs. */

static void give_to_owner_locked(struct pn_slab *slab, const struct pn_free *objects, size_t count)
{
	bool was_none = !slab->returned;

	pn_lock_assert_held(&slab->heap->centrals[slab->class].lock);
	pn_slab_put_returned_locked(slab, objects, count);
	if (slab->returned == slab->count) {
		if (!was_none)
			pn_returned_remove_locked(slab->owner, slab);
		pn_slab_unmake_locked(slab);
	} else if (was_none) {
		pn_returned_add_locked(slab->owner, slab);
	}
}

/*
 * Returns objects of one slab. Return: false if the objects are not counted as out, since the
 * process was forked meanwhile.
 */
static bool give_to_slab_locked(struct pn_central *central, struct pn_slab *slab,
				const struct pn_free *objects, size_t count)
{
	pn_lock_assert_held(&central->lock);
	/* In a child that was forked between the free and here, the slab is inherited. */
	if (slab->epoch != pn_arena.epoch)
		return false;
	pn_assert(central == &slab->heap->centrals[slab->class]);
	/* A slab whose owner has ended is full, and becomes unowned now. */
	if (pn_slab_is_unowned(slab))
		pn_slab_set_owner(slab, NULL);
	if (slab->owner)
		give_to_owner_locked(slab, objects, count);
	else
		for (size_t i = 0; i < count; i++)
			if (pn_slab_put(&central->partial, slab, objects[i].state))
				pn_slab_unmake_locked(slab);
	return true;
}

static struct pn_slab *slab_of(const struct pn_free *object)
{
	pn_assert(pn_free_is_valid(object));
	return pn_slab_at(pn_arena_offset(object->object));
}

/* Consecutive objects of one slab are returned together. */
void pn_central_give(struct pn_heap *heap, unsigned int class, const struct pn_free *objects,
		     size_t count)
{
	struct pn_central *central = &heap->centrals[class];
	int64_t given = 0;

	pn_lock(&central->lock);
	for (size_t i = 0, next; i < count; i = next) {
		struct pn_slab *slab = slab_of(&objects[i]);

		for (next = i + 1; next < count && slab_of(&objects[next]) == slab; next++)
			;
		if (give_to_slab_locked(central, slab, &objects[i], next - i))
			given += (int64_t)(next - i);
	}
	pn_central_count_out(heap, class, -given);
	pn_unlock(&central->lock);
	pn_idle_tidy(heap);
}

/* Figures and fork. */

uint64_t pn_central_bytes_out(struct pn_heap *heap)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < PN_CLASSES; i++) {
		int64_t out = __atomic_load_n(&heap->centrals[i].out, __ATOMIC_RELAXED);

		/* Another thread may have given objects back that it has not counted yet. */
		if (out > 0)
			bytes += (uint64_t)out * pn_classes[i].size;
	}
	return bytes;
}

/* Unlocks the first @count classes. */
static void unlock_some(struct pn_heap *heap, size_t count)
{
	while (count)
		pn_unlock(&heap->centrals[--count].lock);
}

bool pn_central_lock_all(struct pn_heap *heap)
{
	for (size_t i = 0; i < PN_CLASSES; i++)
		if (!pn_lock_inside(&heap->centrals[i].lock)) {
			unlock_some(heap, i);
			return false;
		}
	return true;
}

void pn_central_unlock_all(struct pn_heap *heap)
{
	unlock_some(heap, PN_CLASSES);
}

void pn_central_in_child(struct pn_heap *heap)
{
	for (size_t i = 0; i < PN_CLASSES; i++) {
		pn_lock_reset(&heap->centrals[i].lock);
		heap->centrals[i].partial = NULL;
		heap->centrals[i].spare = NULL;
		__atomic_store_n(&heap->centrals[i].out, 0, __ATOMIC_RELAXED);
	}
}

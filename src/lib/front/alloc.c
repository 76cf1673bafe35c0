// SPDX-License-Identifier: MIT
/* The slow paths of allocating and freeing. */
#include "front/alloc.h"

#include <errno.h>
#include <string.h>

#include "chunk/idle.h"
#include "front/guarded.h"
#include "front/harden.h"
#include "front/heaps.h"
#include "front/runtime.h"
#include "object/inherited.h"
#include "object/large.h"
#include "object/retain.h"
#include "os/die.h"
#include "os/probe.h"
#include "os/watch.h"
#include "profile/profile.h"

static uint64_t failures;
PN_WATCH_VARIABLE(failures, failures);

uint64_t pn_alloc_failures(void)
{
	return __atomic_load_n(&failures, __ATOMIC_RELAXED);
}

/*
 * Samples an allocated object for the profile, or counts a failure if @object is NULL. Return:
 * @object.
 */
static void *sample_or_count_failure(void *object, size_t size)
{
	if (object) {
		pn_profile_allocated(object, size);
	} else {
		__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
		PN_PROBE1(failure, size);
	}
	return object;
}

static bool is_usable(void)
{
	return !pn_runtime_enter()->error;
}

static void *alloc_class(unsigned int class)
{
	void *object = pn_tcache_pop_checked(class);

	return object ? object : pn_tcache_refill(class);
}

/* Allocates a medium or large object, without the cache. */
static void *alloc_medium_or_large(size_t size, bool *is_zeroed)
{
	if (size <= PN_CHUNK_SIZE)
		return pn_medium_alloc(&pn_heap, size, 1, is_zeroed);
	return pn_large_alloc(&pn_heap, size, 1, is_zeroed);
}

static void *alloc_plain(size_t size, bool *is_zeroed)
{
	pn_guarded_count(1);
	if (pn_guarded_is_due()) {
		void *object = pn_guarded_alloc(size, is_zeroed);

		if (object)
			return object;
	}
	if (size > PN_SMALL_MAX)
		return alloc_medium_or_large(size, is_zeroed);
	*is_zeroed = false;
	return alloc_class(pn_class_of(size ? size : 1));
}

/*
 * Gives back chunks that have been idle for long. Each function that frees ends with this, when it
 * holds no lock: an interceptor of the announcement may call any function of the library
 * (announce.h). Functions that allocate do not give chunks back unless memory is short or must be
 * contiguous: some libraries allocate while they hold the lock that their interceptor takes, but
 * free memory only while they do not hold it.
 */
static void finish(void)
{
	if (pn_idle_is_due())
		pn_idle_give_due();
}

/*
 * Frees memory that other requests may use: the objects in this thread's cache, which are of other
 * sizes, the medium objects in all threads' caches, the quarantined objects, and idle chunks.
 * Return: false if there were none.
 */
static bool free_cached(void)
{
	bool was_cached = pn_tcache_flush(), was_kept = pn_harden_flush();

	return pn_idle_purge(&pn_heap) || was_cached || was_kept;
}

/*
 * Returns true if the process was forked since the epoch was @epoch. A signal handler may fork
 * during an allocation. In the child, the allocation fails at a lock that it acquires while it
 * holds another one (lock.h), or goes on with a thread cache of the parent, and fails when that is
 * empty. A second try uses what belongs to the child.
 */
static bool was_forked_since(uint32_t epoch)
{
	return pn_child_is_new() || __atomic_load_n(&pn_arena.epoch, __ATOMIC_RELAXED) != epoch;
}

/*
 * Frees memory, if the thread may use the library's data. Return: true if an allocation that began
 * in @epoch and has failed may succeed now.
 */
static bool may_succeed_now(uint32_t epoch)
{
	bool was_forked = was_forked_since(epoch);

	return is_usable() && (free_cached() || was_forked);
}

/*
 * After an allocation has failed for good: gives back those chunks that it has obtained.
 */
static void give_up(const void *object)
{
	if (!object && is_usable())
		pn_idle_purge(&pn_heap);
}

static void *alloc_or_flush(size_t size, bool *is_zeroed)
{
	void *object = NULL;

	if (is_usable()) {
		uint32_t epoch = pn_arena.epoch;

		object = alloc_plain(size, is_zeroed);
		if (!object && may_succeed_now(epoch)) {
			object = alloc_plain(size, is_zeroed);
			give_up(object);
		}
	}
	return sample_or_count_failure(object, size);
}

void *pn_alloc_slow(size_t size)
{
	bool is_zeroed;
	void *object;

	if (size > PN_SMALL_MAX && size <= PN_CHUNK_SIZE && !pn_guarded_is_due()) {
		object = pn_tcache_pop_medium(size);
		if (object)
			return object;
	}
	return alloc_or_flush(size, &is_zeroed);
}

static void *alloc_aligned_medium_or_large(struct pn_heap *heap, size_t alignment, size_t size,
					   bool *is_zeroed)
{
	/* A request may be small and its alignment large: it gets the smallest medium object. */
	if (size <= PN_SMALL_MAX)
		size = PN_SMALL_MAX + 1;
	if (size > PN_CHUNK_SIZE || alignment > PN_CHUNK_SIZE)
		return pn_large_alloc(heap, size > PN_CHUNK_SIZE ? size : PN_CHUNK_SIZE + 1,
				      alignment, is_zeroed);
	return pn_medium_alloc(heap, size, alignment, is_zeroed);
}

static void *alloc_aligned(size_t alignment, size_t size)
{
	bool is_zeroed;

	if (size > PN_SMALL_MAX || alignment > PN_SMALL_MAX)
		return alloc_aligned_medium_or_large(&pn_heap, alignment, size, &is_zeroed);
	return alloc_class(pn_class_aligned(size ? size : 1, alignment));
}

void *pn_alloc_aligned(size_t alignment, size_t size)
{
	void *object = NULL;

	if (is_usable()) {
		uint32_t epoch = pn_arena.epoch;

		object = alloc_aligned(alignment, size);
		if (!object && may_succeed_now(epoch)) {
			object = alloc_aligned(alignment, size);
			give_up(object);
		}
	}
	return sample_or_count_failure(object, size);
}

void *pn_alloc_zeroed(size_t size)
{
	bool is_zeroed = false;
	void *object = pn_alloc_cached(size);

	if (!object && size > PN_SMALL_MAX && size <= PN_CHUNK_SIZE)
		object = pn_tcache_pop_medium(size);
	if (!object)
		object = alloc_or_flush(size, &is_zeroed);
	if (object && !is_zeroed && size > PN_CHUNK_SIZE)
		pn_large_zero(object, size);
	else if (object && !is_zeroed)
		memset(object, 0, size);
	return object;
}

/* Heaps other than the default one, whose objects no thread caches. */

static void *alloc_uncached(struct pn_heap *heap, size_t alignment, size_t size, bool *is_zeroed)
{
	if (size > PN_SMALL_MAX || alignment > PN_SMALL_MAX)
		return alloc_aligned_medium_or_large(heap, alignment, size, is_zeroed);
	*is_zeroed = false;
	return pn_heaps_take_object(heap, pn_class_aligned(size ? size : 1, alignment));
}

/* Tries again after a purge, because other heaps may keep idle chunks. */
void *pn_alloc_in(struct pn_heap *heap, size_t alignment, size_t size, bool *is_zeroed)
{
	void *object = NULL;

	if (is_usable()) {
		uint32_t epoch = pn_arena.epoch;

		object = alloc_uncached(heap, alignment, size, is_zeroed);
		if (!object) {
			bool may_succeed = may_succeed_now(epoch);

			if (pn_heaps_purge() || may_succeed)
				object = alloc_uncached(heap, alignment, size, is_zeroed);
		}
	}
	return sample_or_count_failure(object, size);
}

/*
 * Returns the slab that contains @ptr, or the record of the medium object there; NULL if there is
 * neither.
 */
static struct pn_slab *record_at(const void *ptr)
{
	size_t offset = pn_arena_offset(ptr);
	struct pn_slab *slab = offset < pn_arena_size() ? pn_slab_at(offset) : NULL;

	return slab && !pn_medium_is_freed_mark(slab) ? slab : NULL;
}

/* Returns the live object of @slab that begins at @ptr. Dies, naming @caller, if there is none. */
static inline __attribute__((always_inline)) struct pn_object
live_in_slab(struct pn_slab *slab, const void *ptr, const char *caller)
{
	size_t offset = pn_arena_offset(ptr), index = pn_slab_index(slab, offset);
	struct pn_object object;
	uint8_t state = PN_OBJECT_NEVER;

	if (pn_slab_is_start(slab, index, offset))
		state = pn_slab_state(slab, index);
	if (state == PN_OBJECT_NEVER)
		pn_die_invalid(caller, ptr);
	if (pn_state_is_freed(state))
		pn_die_freed(caller, ptr);
	pn_object_set(&object, slab, index);
	return object;
}

/* Returns the live object that begins at @ptr. Dies, naming @caller, if there is none. */
static struct pn_object live_object(const void *ptr, const char *caller)
{
	struct pn_slab *slab = record_at(ptr);

	return slab ? live_in_slab(slab, ptr, caller) : pn_large_find(ptr, caller);
}

/*
 * Gives the memory of a freed object back. The thread's cache takes small and medium objects of the
 * default heap; everything else goes back to its heap at once.
 */
static void give_back(const struct pn_object *object, void *ptr)
{
	struct pn_slab *slab = object->slab;
	bool is_cached = object->heap == &pn_heap;
	uint8_t *state = slab ? &slab->state[object->index] : NULL;

	if (slab && is_cached && pn_slab_has_gaps(slab))
		pn_mark_free(ptr);
	if (!slab)
		pn_large_give(ptr);
	else if (pn_slab_is_medium(slab) && is_cached)
		pn_tcache_push_medium(slab);
	else if (pn_slab_is_medium(slab))
		pn_medium_free(ptr);
	else if (is_cached)
		pn_tcache_free(slab, ptr, state);
	else
		pn_heaps_give_object(slab, &(struct pn_free){ ptr, state });
}

/*
 * Frees an inherited object. Nothing is allocated in its place, but its pages may go back to the
 * system; in a child that is not settled, they stay.
 */
static void free_inherited(const struct pn_object *object, void *ptr)
{
	if (pn_harden.zeroes)
		memset(ptr, 0, object->size);
	if (!pn_child_is_new())
		pn_inherited_freed(object);
}

/* Frees the memory of an object whose state is PN_OBJECT_FREED. */
static void free_object(const struct pn_object *object)
{
	void *ptr = pn_arena_at(object->offset);

	if (object->is_inherited)
		free_inherited(object, ptr);
	else if (object->heap == &pn_heap && pn_harden_frees())
		pn_harden_free(ptr);
	else
		give_back(object, ptr);
}

/*
 * Return: true if @ptr is in a mapping of somebody else between the arena's addresses, and
 * pn_flavour.free_foreign() can free it. The C library may have objects in such mappings.
 */
static bool is_freed_elsewhere(const void *ptr)
{
	return pn_flavour.free_foreign && pn_arena_has(ptr) && pn_arena_is_foreign(ptr);
}

/*
 * Frees a live object, unless somebody retains it. @is_inside: this thread cannot use the library's
 * data, because a signal handler forked in one of its locked sections, so the object counts as
 * inherited.
 */
static void free_live(void *ptr, struct pn_object *object, bool is_inside)
{
	object->is_inherited |= is_inside;
	if (!is_inside)
		pn_profile_freed(ptr);
	if (!pn_retain_free(object))
		free_object(object);
}

/*
 * Return: true if another living thread owns the slab. Objects of such slabs wait in a bin of this
 * thread's cache, and go back to their slabs together.
 */
static bool waits_with_others(const struct pn_slab *slab)
{
	return slab->heap == &pn_heap && !pn_slab_is_medium(slab) &&
	       slab->epoch == pn_arena.epoch && pn_slab_owner(slab) != &pn_tcache->owner &&
	       !pn_slab_is_unowned(slab);
}

/*
 * Lets the thread give back what it does not use, after each few thousand frees, and frees the
 * object at @ptr. pn_free() counts the frees, so that also a thread whose calls all take the fast
 * path comes here.
 */
static PN_NOINLINE void tidy_and_free(void *ptr)
{
	int saved = errno;

	if (!pn_tcache->frees && !pn_runtime_enter()->error)
		pn_tcache_tidy();
	errno = saved;
	pn_free_slow(ptr);
}

static PN_NOINLINE void free_to_others(void *ptr, struct pn_slab *slab, size_t index)
{
	if (waits_with_others(slab) &&
	    pn_tcache_push(PN_BIN_OTHERS + slab->class, ptr, &slab->state[index]))
		pn_slab_set_freed(slab, index);
	else
		tidy_and_free(ptr);
}

/*
 * Frees an object of a slab with gaps, as pn_free() frees the objects of other slabs, after having
 * checked that nobody has written to the gaps.
 */
static PN_NOINLINE void free_between_gaps(void *ptr, struct pn_slab *slab, size_t index)
{
	struct pn_tcache *cache = pn_tcache;

	if (pn_unlikely(!pn_marks_are_gaps_intact(ptr, slab->size)))
		pn_marks_check_gaps(slab, ptr);
	/* A device that has released the object reads it no more, and the mark is written after. */
	(void)__atomic_load_n(&slab->state[index], __ATOMIC_ACQUIRE);
	pn_mark_free(ptr);
	if (pn_likely(pn_slab_owner(slab) == &cache->owner && --cache->frees &&
		      pn_bin_push(&cache->bins[slab->class], ptr, &slab->state[index])))
		pn_slab_set_freed(slab, index);
	else
		free_to_others(ptr, slab, index);
}

/*
 * The gaps of an inherited slab may have gone back to the system. The functions that free the object
 * are called last, so that this one saves no register.
 */
void pn_free_live(void *ptr, struct pn_slab *slab, size_t index)
{
	if (pn_slab_has_gaps(slab) && !pn_slab_is_medium(slab) && slab->heap == &pn_heap &&
	    slab->epoch == pn_arena.epoch)
		free_between_gaps(ptr, slab, index);
	else
		free_to_others(ptr, slab, index);
}

void pn_free_slow(void *ptr)
{
	int saved = errno;
	bool is_inside = pn_runtime_enter()->error;
	struct pn_slab *slab = record_at(ptr);
	struct pn_object object;

	if (!slab && is_freed_elsewhere(ptr)) {
		pn_flavour.free_foreign(ptr);
	} else {
		object = slab ? live_in_slab(slab, ptr, "free()") : pn_large_find(ptr, "free()");
		free_live(ptr, &object, is_inside);
	}
	finish();
	errno = saved;
}

void pn_free_released(const struct pn_object *object)
{
	int saved = errno;

	free_object(object);
	finish();
	errno = saved;
}

size_t pn_size_of(const void *ptr, const char *caller)
{
	return live_object(ptr, caller).size;
}

/*
 * For an object of at least twice @size bytes. Return: true if no request for @size bytes with
 * @alignment gets an object as large as that.
 */
static bool is_too_roomy(const struct pn_slab *slab, size_t alignment, size_t size)
{
	/* A guarded object has the size that was requested, rounded up to a multiple of 16. */
	if (pn_guarded_has(slab))
		return slab->size > 16;
	if (size <= PN_SMALL_MAX && alignment <= PN_SMALL_MAX)
		return !slab || pn_slab_is_medium(slab) ||
		       slab->class != pn_class_aligned(size ? size : 1, alignment);
	return alignment <= PN_SMALL_MAX;
}

/*
 * An object of less than twice @size is accepted: realloc() leaves an object in place while more
 * than half of it is used.
 */
void pn_free_sized(void *ptr, size_t alignment, size_t size, const char *caller)
{
	const struct pn_object object = live_object(ptr, caller);

	if ((uintptr_t)ptr & (alignment - 1) || size > object.size ||
	    (size <= object.size / 2 && is_too_roomy(object.slab, alignment, size)))
		pn_die_size(caller, ptr);
	pn_free(ptr);
}

/*
 * Returns how many bytes a medium object, or its replacement, gets when it grows from @old to @size
 * bytes. If it grows by a quarter or less, as arrays do that grow in many small steps, it gets the
 * most bytes with which the same number of such objects fits into a chunk. Arrays that grow in turn
 * therefore leave no holes, and most of their steps need no move. Otherwise, returns @size.
 */
static size_t with_slack(size_t size, size_t old)
{
	size_t objects, most;

	if (size <= PN_SMALL_MAX || size <= old || size > old + old / 4 || size > PN_CHUNK_SIZE / 2)
		return size;
	objects = PN_CHUNK_PAGES / pn_medium_pages(size);
	most = (PN_CHUNK_PAGES / objects << PN_PAGE_SHIFT) - PN_PAGE_SIZE;
	return most > size ? most : size;
}

/*
 * Return: true if a medium object of @old bytes keeps its end when it is resized to @size bytes.
 * The object may be growing, in room that with_slack() has added: at most half of what was
 * requested.
 */
static bool is_slack(size_t size, size_t old)
{
	return size <= old && size > old / 8 * 5;
}

/*
 * Resizes an object in place, or leaves it as it is if @size fits and is more than half of it.
 * Return: false if the object must move.
 */
static bool resize_in_place(void *ptr, size_t size, const struct pn_object *object)
{
	/*
	 * The end of a retained object cannot be cut off, and with zero_on_free it would have to be
	 * zeroed: such an object keeps its end, or moves as a whole.
	 */
	bool keeps_tail = pn_harden.zeroes || pn_state_is_retained(pn_object_get_state(object));

	if (!pn_guarded_has(object->slab) && (!keeps_tail || size > object->size)) {
		if (object->slot)
			return pn_large_resize(ptr, size);
		if (pn_slab_is_medium(object->slab))
			return is_slack(size, object->size) ||
			       pn_medium_resize(object->slab, with_slack(size, object->size));
	}
	return size <= object->size && size > object->size / 2;
}

/*
 * Allocates @size bytes in the heap that @object is in. The replacement of a guarded object comes
 * from the default heap, and so does that of an inherited object, whose heap may no longer exist.
 */
static void *alloc_in_same_heap(const struct pn_object *object, size_t size)
{
	bool is_zeroed;

	if (object->heap == &pn_heap || object->heap->is_guarded || object->is_inherited)
		return pn_alloc(size);
	return pn_alloc_in(object->heap, 1, size, &is_zeroed);
}

void *pn_realloc(void *ptr, size_t size)
{
	bool is_inside = pn_runtime_enter()->error;
	struct pn_object object = live_object(ptr, "realloc()");
	void *moved;

	object.is_inherited |= is_inside;
	if (!is_inside && resize_in_place(ptr, size, &object)) {
		pn_profile_resized(ptr, size);
		finish();
		return ptr;
	}
	moved = alloc_in_same_heap(&object, with_slack(size, object.size));
	if (!moved)
		moved = alloc_in_same_heap(&object, size);
	/* Programs do not expect shrinking an object to fail. */
	if (!moved)
		return size <= object.size ? ptr : NULL;
	memcpy(moved, ptr, size < object.size ? size : object.size);
	pn_free(ptr);
	return moved;
}

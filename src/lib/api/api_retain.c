// SPDX-License-Identifier: MIT
/*
 * pinned_retain() and pinned_release(). They find the object, change its count, and free an object
 * whose free had to wait for the last release.
 */
#include "api/api_retain.h"

#include "front/alloc.h"
#include "front/runtime.h"
#include "object/retain.h"
#include "os/errno.h"
#include "pinned.h"

int pn_release_object(const struct pn_object *object)
{
	bool is_over;
	int err = pn_retain_release(object, &is_over);

	if (pn_unlikely(is_over)) {
		pn_free_released(object);
		pn_retain_end(object);
	}
	return err;
}

/* Releases whatever object @found's record describes now. */
static PN_NOINLINE void release_record(const struct pn_object *found)
{
	struct pn_object object;

	if (found->slab)
		pn_object_set(&object, found->slab, found->index);
	else
		object = pn_object_of_slots((size_t)(found->slot - pn_arena.slots));
	pn_release_object(&object);
}

/* Returns true if the record at the page of @ptr still is that of @object, at the same place. */
static bool is_at_once_found(const void *ptr, const struct pn_object *object)
{
	const struct pn_slab *slab = object->slab;

	return slab && pn_slab_at(pn_arena_offset(ptr)) == slab && object->index < slab->count &&
	       pn_slab_is_start(slab, object->index, object->offset);
}

/*
 * Returns true if @ptr still leads to @object, which is retained now. If another thread freed the
 * object between the look-up and the retain, the object's record may already describe another
 * object.
 */
static bool is_found_again(const void *ptr, const struct pn_object *object)
{
	struct pn_object now;

	if (pn_likely(is_at_once_found(ptr, object)))
		return true;
	return pn_object_find(ptr, &now) && now.slab == object->slab && now.slot == object->slot &&
	       now.offset == object->offset && (!now.slab || now.index == object->index);
}

static inline bool find(const void *ptr, struct pn_object *object)
{
	return pn_likely(pn_object_find_at_page(ptr, object)) || pn_object_find(ptr, object);
}

int pn_retain_at(const void *ptr, struct pn_object *object)
{
	int err = EFAULT;

	if (!pn_runtime_enter()->error && find(ptr, object))
		err = pn_retain(object);
	if (!err && pn_unlikely(!is_found_again(ptr, object))) {
		release_record(object);
		err = EFAULT;
	}
	return err;
}

int pn_release_at(const void *ptr)
{
	struct pn_object object;

	if (pn_runtime_enter()->error || !find(ptr, &object))
		return EINVAL;
	return pn_release_object(&object);
}

int pinned_retain(const void *ptr)
{
	struct pn_object object;

	return pn_result(pn_retain_at(ptr, &object));
}

int pinned_release(const void *ptr)
{
	return pn_result(pn_release_at(ptr));
}

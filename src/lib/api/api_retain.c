// SPDX-License-Identifier: MIT
/*
 * pinned_retain() and pinned_release(). They find the object, change its count, and free an object
 * whose free had to wait for the last release.
 */
#include "front/alloc.h"
#include "front/runtime.h"
#include "object/retain.h"
#include "os/errno.h"
#include "pinned.h"

/* Releases whatever object @found's record describes now. */
static void release_record(const struct pn_object *found)
{
	struct pn_object object;
	bool is_over;

	if (found->slab)
		pn_object_set(&object, found->slab, found->index);
	else
		object = pn_object_of_slots((size_t)(found->slot - pn_arena.slots));
	pn_retain_release(&object, &is_over);
	if (is_over) {
		pn_free_released(&object);
		pn_retain_end(&object);
	}
}

/*
 * Returns true if @ptr still leads to @object, which is retained now. If another thread freed the
 * object between the look-up and the retain, the object's record may already describe another
 * object.
 */
static bool is_found_again(const void *ptr, const struct pn_object *object)
{
	struct pn_object now;

	return pn_object_find(ptr, &now) && now.slab == object->slab && now.slot == object->slot &&
	       now.offset == object->offset && (!now.slab || now.index == object->index);
}

int pinned_retain(const void *ptr)
{
	struct pn_object object;
	int err = EFAULT;

	if (!pn_runtime_enter()->error && pn_object_find(ptr, &object))
		err = pn_retain(&object);
	if (!err && !is_found_again(ptr, &object)) {
		release_record(&object);
		err = EFAULT;
	}
	return pn_result(err);
}

int pinned_release(const void *ptr)
{
	struct pn_object object;
	bool is_over = false;
	int err = EINVAL;

	if (!pn_runtime_enter()->error && pn_object_find(ptr, &object))
		err = pn_retain_release(&object, &is_over);
	if (is_over) {
		pn_free_released(&object);
		pn_retain_end(&object);
	}
	return pn_result(err);
}

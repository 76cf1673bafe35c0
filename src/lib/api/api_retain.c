// SPDX-License-Identifier: MIT
/* pinned_retain() and pinned_release(): find the object, count, free what has been waited for. */
#include "front/alloc.h"
#include "front/runtime.h"
#include "object/retain.h"
#include "os/errno.h"
#include "pinned.h"

int pinned_retain(const void *ptr)
{
	struct pn_object object;
	int err = EFAULT;

	if (!pn_runtime_enter()->error && pn_object_find(ptr, &object))
		err = pn_retain(&object);
	return pn_answer(err);
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
	return pn_answer(err);
}

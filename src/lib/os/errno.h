/* SPDX-License-Identifier: MIT */
/* How public functions tell of errors. errno stays as it is where there is none. */
#ifndef PN_ERRNO_H
#define PN_ERRNO_H

#include <errno.h>

#include "os/base.h"

/* @err: errno value, or 0. */
static inline int pn_answer(int err)
{
	if (err)
		errno = err;
	return err ? -1 : 0;
}

static inline void *pn_answer_object(void *object)
{
	if (pn_unlikely(!object))
		errno = ENOMEM;
	return object;
}

#endif /* PN_ERRNO_H */

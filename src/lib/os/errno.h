/* SPDX-License-Identifier: MIT */
/* How public functions report errors. These helpers change errno only if there is an error. */
#ifndef PN_ERRNO_H
#define PN_ERRNO_H

#include <errno.h>

#include "os/base.h"

/* Returns 0 if @err is 0; otherwise sets errno to @err and returns -1. */
static inline int pn_result(int err)
{
	if (err)
		errno = err;
	return err ? -1 : 0;
}

static inline void *pn_result_object(void *object)
{
	if (pn_unlikely(!object))
		errno = ENOMEM;
	return object;
}

#endif /* PN_ERRNO_H */

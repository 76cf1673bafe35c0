// SPDX-License-Identifier: MIT
/*
 * The exported malloc family: each function jumps through its entry in pn_family.
 *
 * The symbols are unversioned: programs refer to malloc@GLIBC_2.2.5 and other versions, and an
 * unversioned definition satisfies all of them. Operators new and delete are left out on purpose.
 * Those of the C++ library call malloc and free. If a program is linked to another allocator's
 * operators, then it must use both new and delete from that allocator, so that objects are freed by
 * the allocator that they came from.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "family.h"

#define EXPORT __attribute__((visibility("default")))

/* The headers of older C libraries do not declare these. */
EXPORT void free_sized(void *ptr, size_t size);
EXPORT void free_aligned_sized(void *ptr, size_t alignment, size_t size);

#define JUMP(result, name, parameters, arguments) \
	EXPORT result name parameters             \
	{                                         \
		return pn_family.name arguments;  \
	}

PN_FAMILY(JUMP)

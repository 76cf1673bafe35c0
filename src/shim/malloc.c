// SPDX-License-Identifier: MIT
/*
 * The malloc family, as programs know it: each function jumps to where pn_family says.
 *
 * The names are unversioned: programs ask for malloc@GLIBC_2.2.5 and others, and an unversioned
 * definition satisfies any of them. Operators new and delete are not here on purpose. The C++
 * library's call malloc and free; another allocator's, which a program is linked to, must stay
 * together, so the program's objects are freed by whoever allocated them.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "family.h"

#define EXPORT __attribute__((visibility("default")))

/* Not in the headers of older C libraries. */
EXPORT void free_sized(void *ptr, size_t size);
EXPORT void free_aligned_sized(void *ptr, size_t alignment, size_t size);

#define JUMP(result, name, parameters, arguments) \
	EXPORT result name parameters             \
	{                                         \
		return pn_family.name arguments;  \
	}

PN_FAMILY(JUMP)

// SPDX-License-Identifier: MIT
/*
 * Takes RTLD_DEEPBIND from dlopen() in a process on pinned memory.
 *
 * A library that is opened with the flag finds a name in its own dependencies first, so its malloc
 * and free are the C library's. An object that crosses, such as what strdup() gave, is pinned memory
 * that libc's free() then ends the program for. PHP opens its extensions in this way. Without the
 * flag the library finds the program's definitions first, as most libraries do.
 *
 * To bind only the names of the malloc family otherwise, one would have to change the library's
 * global offset table after dlopen() has filled it and before the library's constructors run, and
 * dlopen() gives control to nobody in between.
 *
 * dlopen() looks at its return address: whose RUNPATH and $ORIGIN count, and which namespace, depends
 * on the caller. So the functions here must end in a jump: a call would make this library the
 * caller. A library in a namespace of its own has a C library of its own, and keeps the flag.
 */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "front/tcache.h"
#include "init.h"
#include "next.h"

#define EXPORT __attribute__((visibility("default")))

/* Where the compiler can be told that a call must be a jump, it is told. */
#if defined(__has_attribute)
#if __has_attribute(musttail)
#define JUMP __attribute__((musttail)) return
#endif
#endif
#ifndef JUMP
#define JUMP return
#endif

/* Returns the flags that a library is opened with. */
static int prepare(int flags, bool is_apart)
{
	pn_next_resolve();
	if (!pn_init_is_pinned())
		return flags;
	pn_tcache_expect_dlopen();
	return is_apart ? flags : flags & ~RTLD_DEEPBIND;
}

EXPORT void *dlopen(const char *file, int flags)
{
	flags = prepare(flags, false);
	JUMP pn_next_dlopen(file, flags);
}

EXPORT void *dlmopen(Lmid_t name_space, const char *file, int flags)
{
	flags = prepare(flags, name_space != LM_ID_BASE);
	JUMP pn_next_dlmopen(name_space, file, flags);
}

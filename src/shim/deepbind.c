// SPDX-License-Identifier: MIT
/*
 * Removes RTLD_DEEPBIND from the flags of dlopen() in a process on pinned memory.
 *
 * A library that is opened with RTLD_DEEPBIND resolves each symbol in its own dependencies first,
 * so its malloc and free are the C library's. If such a library frees an object that was allocated
 * elsewhere, for example by strdup(), then the C library's free() gets a pointer to pinned memory
 * and aborts the program. PHP opens its extensions with this flag. Without the flag, the library
 * resolves symbols in the program's scope first, as most libraries do.
 *
 * The alternative, to rebind only the names of the malloc family, would mean to patch the library's
 * global offset table after dlopen() has filled it and before the library's constructors run.
 * dlopen() offers no hook between the two.
 *
 * dlopen() inspects its return address, because the caller determines which RUNPATH, $ORIGIN and
 * namespace apply. The functions here must therefore end in a jump; a call would make this library
 * the caller. A library that is opened in another namespace gets its own copy of the C library, so
 * it keeps the flag.
 */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "front/tcache.h"
#include "init.h"
#include "next.h"

#define EXPORT __attribute__((visibility("default")))

/* Forces a tail call where the compiler supports the attribute. */
#if defined(__has_attribute)
#if __has_attribute(musttail)
#define JUMP __attribute__((musttail)) return
#endif
#endif
#ifndef JUMP
#define JUMP return
#endif

/* Returns the flags to open a library with. @is_apart: the library goes into another namespace. */
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

/* SPDX-License-Identifier: MIT */
/* The library's life in a process: the first call, and forks. */
#ifndef PN_RUNTIME_H
#define PN_RUNTIME_H

#include "config/config.h"
#include "os/base.h"
#include "os/child.h"

/* Requests that found no pinned memory and that libc served. */
struct pn_fallback {
	uint64_t requests;
	uint64_t bytes;
};

/**
 * struct pn_flavour - what differs between libpinned and libmalloc-pinned
 * @variable: the environment variable with the configuration
 * @file: the configuration file, which is asked where the variable says nothing; NULL for none
 * @off_file: where this one exists, that one is not asked
 * @library_variable: libpinned's, for its calls in a program where nothing asks for the shim; NULL in libpinned
 * @automatic: the backends that `auto` tries in turn where something asks for the shim, up to
 *             PN_BACKEND_AUTO; NULL in libpinned, which tries every one
 * @fallback: what libc served; NULL where it serves nothing
 * @free_foreign: frees memory of another allocator, whose addresses are between those of the arena;
 *                NULL in libpinned, to which no such memory is given
 */
struct pn_flavour {
	const char *variable;
	const char *file;
	const char *off_file;
	const char *library_variable;
	const enum pn_backend_kind *automatic;
	struct pn_fallback (*fallback)(void);
	void (*free_foreign)(void *ptr);
};

/* Defined in flavour.c here, and in the shim's own file of that name there. */
extern const struct pn_flavour pn_flavour;

/**
 * struct pn_runtime - what initialisation decided
 * @config: the configuration
 * @error: why there is no backend, an errno; 0 if there is one
 */
struct pn_runtime {
	struct pn_config config;
	int error;
};

extern struct pn_runtime pn_runtime;
/* Leads to pn_child_word's word once the library is initialised; before that, to PN_CHILD_NEW. */
extern const uint32_t *pn_runtime_is_known;

const struct pn_runtime *pn_runtime_get_known(void);

/*
 * Initialises the library at the first call, and settles a new child (os/child.h). Every slow path
 * begins with it. Return: what initialisation decided. Where a signal handler forked inside of a slow
 * path and calls another one before it returns to the first, an error.
 */
static inline const struct pn_runtime *pn_runtime_enter(void)
{
	const uint32_t *is_known = __atomic_load_n(&pn_runtime_is_known, __ATOMIC_ACQUIRE);

	if (pn_unlikely(__atomic_load_n(is_known, __ATOMIC_ACQUIRE) != PN_CHILD_SETTLED))
		return pn_runtime_get_known();
	return &pn_runtime;
}

#endif /* PN_RUNTIME_H */

/* SPDX-License-Identifier: MIT */
/* Initialisation at the first call, and the entry of every slow path. */
#ifndef PN_RUNTIME_H
#define PN_RUNTIME_H

#include "config/config.h"
#include "os/base.h"
#include "os/child.h"

/* The requests that libc served because there was no pinned memory. */
struct pn_fallback {
	uint64_t requests;
	uint64_t bytes;
};

/**
 * struct pn_flavour - what differs between libpinned and libmalloc-pinned
 * @variable: the environment variable that contains the configuration
 * @file: the configuration file, which is read if @variable is not set; NULL for none
 * @off_file: while this file exists, no section of @file is applied
 * @library_variable: libpinned's variable, which configures the library's own calls in a program
 *                    where nothing asks for the shim; NULL in libpinned
 * @automatic: the backends that `auto` tries in this order where something asks for the shim, ended
 *             by PN_BACKEND_AUTO; NULL in libpinned, which tries all of them
 * @fallback: returns what libc served; NULL where libc serves nothing
 * @free_foreign: frees memory of another allocator that lies between the arena's addresses; NULL in
 *                libpinned, which is given no such memory
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

/*
 * Defined in flavour.c of this folder, and for the shim in the file of the same name in src/shim.
 */
extern const struct pn_flavour pn_flavour;

/**
 * struct pn_runtime - what initialisation decided
 * @config: the configuration
 * @error: the errno for which there is no backend; 0 if there is one
 */
struct pn_runtime {
	struct pn_config config;
	int error;
};

extern struct pn_runtime pn_runtime;
/*
 * Points to a word that contains PN_CHILD_NEW until the library is initialised. After that it
 * points to the word of pn_child_word or, without a backend, to one that contains PN_CHILD_SETTLED.
 */
extern const uint32_t *pn_runtime_is_known;

/* The slow path of pn_runtime_enter(). */
const struct pn_runtime *pn_runtime_get_known(void);

/*
 * Initialises the library at the first call, and settles a new child (os/child.h). Every slow path
 * begins with this function. Return: what initialisation decided; or a record with an error, if a
 * signal handler has forked inside a locked section of this thread and the thread has not yet left
 * that section in the child.
 */
static inline const struct pn_runtime *pn_runtime_enter(void)
{
	const uint32_t *is_known = __atomic_load_n(&pn_runtime_is_known, __ATOMIC_ACQUIRE);

	if (pn_unlikely(__atomic_load_n(is_known, __ATOMIC_ACQUIRE) != PN_CHILD_SETTLED))
		return pn_runtime_get_known();
	return &pn_runtime;
}

#endif /* PN_RUNTIME_H */

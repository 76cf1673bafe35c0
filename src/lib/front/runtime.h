/* SPDX-License-Identifier: MIT */
/* The library's life in a process: the first call, and forks. */
#ifndef PN_RUNTIME_H
#define PN_RUNTIME_H

#include "config/config.h"
#include "os/base.h"

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
 */
struct pn_flavour {
	const char *variable;
	const char *file;
	const char *off_file;
	const char *library_variable;
	const enum pn_backend_kind *automatic;
	struct pn_fallback (*fallback)(void);
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
/* Leads to 0 before the first call, and in a forked child that has not been seen to; else to 1. */
extern const uint32_t *pn_runtime_is_known;

void pn_runtime_get_known(void);

/*
 * Initialise at the first call, and in a forked child that no atfork handler
 * announced put its state right. Every slow path begins with it.
 */
static inline const struct pn_runtime *pn_runtime_enter(void)
{
	const uint32_t *is_known = __atomic_load_n(&pn_runtime_is_known, __ATOMIC_ACQUIRE);

	if (pn_unlikely(!__atomic_load_n(is_known, __ATOMIC_RELAXED)))
		pn_runtime_get_known();
	return &pn_runtime;
}

#endif /* PN_RUNTIME_H */

/* SPDX-License-Identifier: MIT */
/*
 * Processes that filter their own system calls (seccomp). A filter may kill for
 * any call that its program does not make itself, so from then on the library
 * makes none but what every malloc makes: it gets no chunk, gives none back, and
 * leaves its descriptor alone. Once confined, a process stays so, with its children.
 */
#ifndef PN_CONFINED_H
#define PN_CONFINED_H

#include "os/base.h"

extern bool pn_confined;

/* Safe in signal handlers; no system call. */
static inline bool pn_is_confined(void)
{
	return pn_unlikely(__atomic_load_n(&pn_confined, __ATOMIC_RELAXED));
}

/* The program says so. Return: what was known before, for who finds that it was not true. */
bool pn_confined_set(bool is_confined);

/* A filter that is there now does not count: the process was made to live with it. Once is enough. */
void pn_confined_start(void);
/* Asks the kernel too, after pn_confined_start(): for before calls that filters seldom allow. */
bool pn_confined_look(void);

#endif /* PN_CONFINED_H */

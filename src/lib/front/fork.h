/* SPDX-License-Identifier: MIT */
/* Forks: what a child leaves alone, and what the parent does around them. */
#ifndef PN_FORK_H
#define PN_FORK_H

/* In a new child, called by pn_child_settle(): makes everything that changes new. */
void pn_fork_settle(void);
/* Registers the atfork handlers, once in a process. May allocate: no lock is held. */
void pn_fork_register(void);

#endif /* PN_FORK_H */

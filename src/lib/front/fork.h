/* SPDX-License-Identifier: MIT */
/* Forks: making the library's state new in a child, and the parent's work before and after. */
#ifndef PN_FORK_H
#define PN_FORK_H

/* Makes all changing state new in a forked child; pn_child_settle() calls it. */
void pn_fork_settle(void);
/* Registers the atfork handlers once per process. It may allocate, so the caller holds no lock. */
void pn_fork_register(void);

#endif /* PN_FORK_H */

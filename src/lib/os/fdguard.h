/* SPDX-License-Identifier: MIT */
/*
 * The library's own descriptor in a process that does not know of it: kept at a
 * high number, closed on exec, and looked at before each use, since a daemon may
 * have closed every descriptor it found, and reused the number.
 */
#ifndef PN_FDGUARD_H
#define PN_FDGUARD_H

#include "os/sys.h"

/**
 * struct pn_fd - a guarded descriptor
 * @fd: the number, or -1
 * @file: what it was when it was opened
 */
struct pn_fd {
	int fd;
	struct pn_sys_file file;
};

#define PN_FD_NONE       \
	{                \
		.fd = -1 \
	}

/* Guard a copy of @fd at a high number; @fd stays open. Return: 0 or an errno. */
int pn_fd_guard_copy(struct pn_fd *guard, int fd);
/* Open @path and guard it. Return: 0 or an errno. */
int pn_fd_open(struct pn_fd *guard, const char *path, int flags);
/* Is it still the file that was opened? */
bool pn_fd_is_intact(const struct pn_fd *guard);
/* Close it, if it is still ours, and forget it. */
void pn_fd_drop(struct pn_fd *guard);

#endif /* PN_FDGUARD_H */

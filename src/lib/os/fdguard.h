/* SPDX-License-Identifier: MIT */
/*
 * Guarded descriptors: descriptors of the library in a process that does not know about them. A
 * guarded descriptor has a high number and is closed on exec. The library checks it before each
 * use, because a daemon may have closed every descriptor it found, and reused the number.
 */
#ifndef PN_FDGUARD_H
#define PN_FDGUARD_H

#include "os/sys.h"

/**
 * struct pn_fd - a guarded descriptor
 * @fd: the descriptor, or -1
 * @file: identity of the file that was opened
 */
struct pn_fd {
	int fd;
	struct pn_sys_file file;
};

#define PN_FD_NONE       \
	{                \
		.fd = -1 \
	}

/* Guards a copy of @fd, with a high number; @fd stays open. Return: 0 or an errno. */
int pn_fd_guard_copy(struct pn_fd *guard, int fd);
/* Opens @path and guards the descriptor. Return: 0 or an errno. */
int pn_fd_open(struct pn_fd *guard, const char *path, int flags);
/* Returns true if the descriptor still refers to the file that was opened. */
bool pn_fd_is_intact(const struct pn_fd *guard);
/* Forgets the descriptor, and closes it if it still refers to the file that was opened. */
void pn_fd_drop(struct pn_fd *guard);

#endif /* PN_FDGUARD_H */

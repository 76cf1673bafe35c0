// SPDX-License-Identifier: MIT
/* Guarded descriptors; see fdguard.h. */
#include "os/fdguard.h"

#include <errno.h>

int pn_fd_guard_copy(struct pn_fd *guard, int fd)
{
	int copy = pn_sys_dup_high(fd);

	if (copy < 0)
		return -copy;
	if (!pn_sys_identify(copy, &guard->file)) {
		pn_sys_close(copy);
		return EBADF;
	}
	guard->fd = copy;
	return 0;
}

int pn_fd_open(struct pn_fd *guard, const char *path, int flags)
{
	int fd = pn_sys_open(path, flags);
	int err;

	if (fd < 0)
		return -fd;
	err = pn_fd_guard_copy(guard, fd);
	pn_sys_close(fd);
	return err;
}

bool pn_fd_is_intact(const struct pn_fd *guard)
{
	struct pn_sys_file file;

	return guard->fd >= 0 && pn_sys_identify(guard->fd, &file) &&
	       file.device == guard->file.device && file.inode == guard->file.inode &&
	       file.special == guard->file.special;
}

void pn_fd_drop(struct pn_fd *guard)
{
	if (pn_fd_is_intact(guard))
		pn_sys_close(guard->fd);
	guard->fd = -1;
}

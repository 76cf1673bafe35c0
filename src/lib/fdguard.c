// SPDX-License-Identifier: MIT
/* Guarded descriptors; see fdguard.h. */
#include "fdguard.h"

#include <errno.h>
#include <sys/stat.h>

#include "sys.h"

static int remember(struct pn_fd *guard, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return errno;
	guard->fd = fd;
	guard->dev = st.st_dev;
	guard->ino = st.st_ino;
	guard->rdev = st.st_rdev;
	return 0;
}

int pn_fd_guard_copy(struct pn_fd *guard, int fd)
{
	int copy = pn_sys_dup_high(fd);
	int err;

	if (copy < 0)
		return -copy;
	err = remember(guard, copy);
	if (err)
		pn_sys_close(copy);
	return err;
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
	struct stat st;

	return guard->fd >= 0 && !fstat(guard->fd, &st) && st.st_dev == guard->dev &&
	       st.st_ino == guard->ino && st.st_rdev == guard->rdev;
}

void pn_fd_drop(struct pn_fd *guard)
{
	if (pn_fd_is_intact(guard))
		pn_sys_close(guard->fd);
	guard->fd = -1;
}

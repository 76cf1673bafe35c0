/* SPDX-License-Identifier: MIT */
/*
 * System calls, one policy for failures: what can fail for want of a resource
 * returns it; what can only fail by a bug of ours dies with a message. None is
 * a cancellation point, none sets errno for the caller's caller to see.
 */
#ifndef PN_SYS_H
#define PN_SYS_H

#include <sys/types.h>

#include "base.h"

void *pn_sys_reserve(size_t size, size_t alignment);
void *pn_sys_table(size_t size);
bool pn_sys_wipe_on_fork(void *addr, size_t size);
int pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset);
void pn_sys_unmap(void *addr, size_t size);

int pn_sys_open(const char *path, int flags);
void pn_sys_close(int fd);
ssize_t pn_sys_read(int fd, void *buffer, size_t size);
void pn_sys_write(int fd, const void *buffer, size_t size);
int pn_sys_dup_high(int fd);
uint64_t pn_sys_now_ms(void);
size_t pn_sys_address_limit(void);

#endif /* PN_SYS_H */

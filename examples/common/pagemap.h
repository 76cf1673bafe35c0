/* SPDX-License-Identifier: MIT */
/*
 * The physical address of a pointer according to the kernel, and a check that libpinned's answer
 * agrees with it.
 */
#ifndef EXAMPLES_PAGEMAP_H
#define EXAMPLES_PAGEMAP_H

#include <fcntl.h>
#include <pinned.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Returns the physical address of @ptr according to /proc/self/pagemap; 0 if the caller may not see
 * it, because it lacks CAP_SYS_ADMIN.
 */
static inline uint64_t phys_by_pagemap(const void *ptr)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), word = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (pread(fd, &word, sizeof(word), (off_t)((uintptr_t)ptr / page * sizeof(word))) !=
	    sizeof(word))
		word = 0;
	close(fd);
	word &= ((uint64_t)1 << 55) - 1;
	return word ? word * page + (uintptr_t)ptr % page : 0;
}

/* Returns whether there are physical addresses to compare; the backend anon has none. */
static inline int translates(const void *ptr)
{
	uint64_t phys = pinned_v2p(ptr), true_phys;

	if (!pinned_owns(ptr))
		return 0;
	if (!strcmp(pinned_backend(), "anon"))
		return phys == PINNED_NO_PHYS;
	true_phys = phys_by_pagemap(ptr);
	return phys != PINNED_NO_PHYS && (!true_phys || phys == true_phys);
}

#endif /* EXAMPLES_PAGEMAP_H */

/* SPDX-License-Identifier: MIT */
/* What the examples of other allocators ask of each pointer: is it pinned, and is its address true? */
#ifndef EXAMPLES_PAGEMAP_H
#define EXAMPLES_PAGEMAP_H

#include <fcntl.h>
#include <pinned.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* By the page tables; 0 if they are not shown: that takes CAP_SYS_ADMIN. */
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

/* The backend anon has no physical addresses to compare. */
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

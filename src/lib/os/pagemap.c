// SPDX-License-Identifier: MIT
/*
 * /proc/self/pagemap: one 64-bit word for each page; bit 63 says that the page is
 * present, bits 0 to 54 are its frame number (Documentation/admin-guide/mm/pagemap.rst).
 */
#include "os/pagemap.h"

#include <fcntl.h>
#include <unistd.h>

#include "os/sys.h"

#define FRAME_MASK (((uint64_t)1 << 55) - 1)
#define IS_PRESENT ((uint64_t)1 << 63)

uint64_t pn_pagemap_phys(const void *addr)
{
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t page = (uintptr_t)addr / page_size;
	uint64_t word = 0;
	int fd = pn_sys_open("/proc/self/pagemap", O_RDONLY);

	if (fd < 0)
		return UINT64_MAX;
	if (pn_sys_pread(fd, &word, sizeof(word), page * sizeof(word)) != sizeof(word))
		word = 0;
	pn_sys_close(fd);
	/* Without CAP_SYS_ADMIN the kernel shows frame 0. */
	if (!(word & IS_PRESENT) || !(word & FRAME_MASK))
		return UINT64_MAX;
	return (word & FRAME_MASK) * page_size;
}

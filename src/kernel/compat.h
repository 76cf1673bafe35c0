/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kernels from 5.10 on lack of the newest kernel's interface. The driver
 * is written for the newest; each block names the change it covers and goes
 * when the oldest kernel without that change goes. Nothing is redefined.
 */
#ifndef PINNED_MEM_COMPAT_H
#define PINNED_MEM_COMPAT_H

#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "pinned_mem needs Linux 5.10 or newer"
#endif

/*
 * 6.3, commit bc292ab00f6c: vm_flags became const, changed by helpers that
 * take the VMA's lock.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_mod(struct vm_area_struct *vma, vm_flags_t set, vm_flags_t clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

#endif /* PINNED_MEM_COMPAT_H */

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

/*
 * 6.7, commit c42d50aefd17: shrinkers are allocated by the core. 6.0, commit
 * e33c267ab70d, gave them names.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#include <linux/shrinker.h>
#include <linux/slab.h>

static inline struct shrinker *shrinker_alloc(unsigned int flags, const char *name)
{
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (shrinker)
		shrinker->seeks = DEFAULT_SEEKS;
	return shrinker;
}

/*
 * It cannot fail on new kernels. Here it may, for want of a few bytes; there is
 * then no shrinker, and unregistering finds an empty list.
 */
static inline void shrinker_register(struct shrinker *shrinker)
{
	int err;

	INIT_LIST_HEAD(&shrinker->list);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 0, 0)
	err = register_shrinker(shrinker);
#else
	err = register_shrinker(shrinker, "pinned_mem");
#endif
	if (err)
		pr_warn("pinned_mem: no shrinker: error %d\n", err);
}

static inline void shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#else
#include <linux/shrinker.h>
#endif

#endif /* PINNED_MEM_COMPAT_H */

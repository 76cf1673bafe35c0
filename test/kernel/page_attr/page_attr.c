// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module: reports how an address is cached, in the caller's page tables or in the kernel's
 * own, as the processor sees them. It also watches every free of a 2 MiB block for a kernel mapping
 * that is not write-back.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>

#include "page_attr.h"

static atomic_t freed, not_write_back;

#ifdef CONFIG_X86
#include <asm/msr.h>

/* Returns the type that the PAT register assigns to an entry's three bits. */
static u32 attr_of_bits(bool pwt, bool pcd, bool pat)
{
	u64 types = native_read_msr(MSR_IA32_CR_PAT);

	switch (types >> (8 * (pwt | pcd << 1 | pat << 2)) & 7) {
	case 0:
	case 7:
		return PAGE_ATTR_UNCACHED;
	case 1:
		return PAGE_ATTR_WRITE_COMBINE;
	case 6:
		return PAGE_ATTR_WRITE_BACK;
	default:
		return PAGE_ATTR_OTHER;
	}
}

static u32 attr_of_entry(unsigned long entry, bool is_large)
{
	return attr_of_bits(entry & _PAGE_PWT, entry & _PAGE_PCD,
			    entry & (is_large ? _PAGE_PAT_LARGE : _PAGE_PAT));
}

static u32 user_attr(unsigned long addr)
{
	pgd_t *pgd = pgd_offset(current->mm, addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;
	pte_t *pte;

	if (pgd_none(*pgd))
		return PAGE_ATTR_NONE;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return PAGE_ATTR_NONE;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud))
		return PAGE_ATTR_NONE;
	pmd = pmd_offset(pud, addr);
	if (pmd_none(*pmd))
		return PAGE_ATTR_NONE;
	if (pmd_val(*pmd) & _PAGE_PSE)
		return attr_of_entry(pmd_val(*pmd), true);
	pte = pte_offset_kernel(pmd, addr);
	return pte_none(*pte) ? PAGE_ATTR_NONE : attr_of_entry(pte_val(*pte), false);
}

static u32 kernel_attr(unsigned long addr)
{
	unsigned int level;
	pte_t *entry = lookup_address(addr, &level);

	return entry ? attr_of_entry(pte_val(*entry), level > PG_LEVEL_4K) : PAGE_ATTR_NONE;
}
#else
/* The processor translates the address, and reports the attribute that an access would have. */
static u32 attr_of_par(u64 par)
{
	if (par & 1)
		return PAGE_ATTR_NONE;
	switch (par >> 56) {
	case 0xff:
		return PAGE_ATTR_WRITE_BACK;
	case 0x44:
		return PAGE_ATTR_UNCACHED;
	default:
		return PAGE_ATTR_OTHER;
	}
}

static u32 user_attr(unsigned long addr)
{
	asm volatile("at s1e0r, %0" : : "r"(addr));
	isb();
	return attr_of_par(read_sysreg(par_el1));
}

static u32 kernel_attr(unsigned long addr)
{
	asm volatile("at s1e1r, %0" : : "r"(addr));
	isb();
	return attr_of_par(read_sysreg(par_el1));
}
#endif

static void on_free(void *data, struct page *page, unsigned int order)
{
	if (order != get_order(SZ_2M))
		return;
	atomic_inc(&freed);
	if (kernel_attr((unsigned long)page_address(page)) != PAGE_ATTR_WRITE_BACK)
		atomic_inc(&not_write_back);
}

static long attr_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct page_attr __user *user = (void __user *)arg;
	struct page_attr attr;

	if (cmd != PAGE_ATTR_IOC_GET)
		return -ENOTTY;
	if (copy_from_user(&attr, user, sizeof(attr)))
		return -EFAULT;
	preempt_disable();
	attr.attr = attr.kernel ? kernel_attr((unsigned long)__va(attr.addr))
				: user_attr(attr.addr);
	preempt_enable();
	attr.freed = atomic_xchg(&freed, 0);
	attr.not_write_back = atomic_xchg(&not_write_back, 0);
	return copy_to_user(user, &attr, sizeof(attr)) ? -EFAULT : 0;
}

static const struct file_operations attr_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = attr_ioctl,
};

static struct miscdevice attr_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "page_attr",
	.fops = &attr_fops,
};

static struct tracepoint *free_tracepoint;

static void find_tracepoint(struct tracepoint *tracepoint, void *data)
{
	if (!strcmp(tracepoint->name, "mm_page_free"))
		free_tracepoint = tracepoint;
}

static int __init attr_init(void)
{
	int err;

	for_each_kernel_tracepoint(find_tracepoint, NULL);
	if (!free_tracepoint)
		return -ENOENT;
	err = tracepoint_probe_register(free_tracepoint, on_free, NULL);
	if (err)
		return err;
	err = misc_register(&attr_dev);
	if (err)
		tracepoint_probe_unregister(free_tracepoint, on_free, NULL);
	return err;
}

static void __exit attr_exit(void)
{
	misc_deregister(&attr_dev);
	tracepoint_probe_unregister(free_tracepoint, on_free, NULL);
	tracepoint_synchronize_unregister();
}

module_init(attr_init);
module_exit(attr_exit);

MODULE_DESCRIPTION("Test module: how memory is cached");
MODULE_LICENSE("GPL");

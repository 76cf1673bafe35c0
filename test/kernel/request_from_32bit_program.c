// SPDX-License-Identifier: MIT
/*
 * The requests of a 32-bit program do the same as those of a 64-bit program: same numbers, same
 * structures, complete answers that stay within bounds, and refusals that change nothing (Faults
 * A33, A34). The test is a 64-bit program that enters the kernel as 32-bit programs do;
 * test/abi/layout_is_fixed.sh compiles the structures for both. arm64 has no such entry.
 */
#include "guest.h"

#define SLOTS 3U

#ifdef __x86_64__
#define NR_IOCTL_32 54

/* @request must lie below 4 GiB. */
static long ioctl_32(int fd, unsigned int cmd, void *request)
{
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(NR_IOCTL_32), "b"(fd), "c"(cmd), "d"((uint32_t)(uintptr_t)request)
		     : "memory", "r8", "r9", "r10", "r11");
	if ((int)result < 0) {
		errno = -(int)result;
		return -1;
	}
	return (int)result;
}

static void *low_page(void)
{
	char *pages = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	CHECK(pages != MAP_FAILED);
	WORKS(mprotect(pages + PAGE, PAGE, PROT_NONE));
	return pages;
}

static void info_is_the_same(int fd, char *page)
{
	struct pinned_mem_info want = info_of(fd), *got;

	/* Places the answer at the end of writable memory, after a byte that must not change. */
	got = (void *)(page + PAGE - sizeof(*got));
	memset(page, 0x5a, PAGE);
	memset(got, 0, sizeof(*got));
	got->size = sizeof(*got);
	WORKS(ioctl_32(fd, PINNED_MEM_IOC_INFO, got));
	CHECK(!memcmp(got, &want, sizeof(want)));
	EQUAL(((unsigned char *)got)[-1], 0x5a);
	/* The last byte of the answer lies outside writable memory. */
	memmove((char *)got + 1, got, sizeof(*got) - 1);
	REFUSED(ioctl_32(fd, PINNED_MEM_IOC_INFO, (char *)got + 1), EFAULT);
}

static void chunks_are_the_same(int fd, char *page)
{
	struct pinned_mem_populate *fill_up = (void *)page;
	struct pinned_mem_punch *empty = (void *)page;
	uint64_t *phys = (void *)(page + PAGE / 2);
	struct pinned_mem_query found;
	struct pinned_mem_info before = info_of(fd);

	*fill_up = populate_request(5, SLOTS);
	fill_up->phys_ptr = (uintptr_t)phys | 1ULL << 47;
	REFUSED(ioctl_32(fd, PINNED_MEM_IOC_POPULATE, fill_up), EFAULT);
	UNCHANGED(fd, before);
	fill_up->phys_ptr = (uintptr_t)phys;
	REFUSED(ioctl_32(fd, PINNED_MEM_IOC_POPULATE - (4 << 16), fill_up), EINVAL);
	/* The bytes after the structure in this page are not 0. */
	REFUSED(ioctl_32(fd, PINNED_MEM_IOC_POPULATE + (4 << 16), fill_up), E2BIG);
	UNCHANGED(fd, before);
	WORKS(ioctl_32(fd, PINNED_MEM_IOC_POPULATE, fill_up));
	for (unsigned int i = 0; i < SLOTS; i++) {
		WORKS(query(fd, (5 + i) * CHUNK, &found));
		EQUAL(found.phys, phys[i]);
	}
	*empty = punch_request(5, SLOTS);
	WORKS(ioctl_32(fd, PINNED_MEM_IOC_PUNCH, empty));
	UNCHANGED(fd, before);
	REFUSED(ioctl_32(fd, PINNED_MEM_IOC_PUNCH, empty), ENOENT);
}

int main(void)
{
	char *page = low_page();
	int fd = open_pool();

	info_is_the_same(fd, page);
	chunks_are_the_same(fd, page);
	return 0;
}
#else
int main(void)
{
	test_skip("a 64-bit program cannot enter this kernel as a 32-bit one");
}
#endif

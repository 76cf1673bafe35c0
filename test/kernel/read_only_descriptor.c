// SPDX-License-Identifier: MIT
/*
 * A read-only descriptor gives no way to write: no writable mapping, no mapping that becomes
 * writable later or by way of /proc/self/mem, and no dma-buf, since that could be mapped writable
 * (Faults A10, C18).
 */
#include "guest.h"

#include <sys/uio.h>

static void cannot_be_written(char *at)
{
	int mem = WORKS(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
	struct iovec local = { .iov_base = "spoilt", .iov_len = 6 };
	struct iovec remote = { .iov_base = at, .iov_len = 6 };

	REFUSED(mprotect(at, CHUNK, RW), EACCES);
	REFUSED(mprotect(at + PAGE, PAGE, PROT_WRITE), EACCES);
	EQUAL(signal_of_write(at), SIGSEGV);
	REFUSED(pwrite(mem, "spoilt", 6, (off_t)(uintptr_t)at), EIO);
	REFUSED(process_vm_writev(getpid(), &local, 1, &remote, 1, 0), EFAULT);
	REFUSED(pread(open("/dev/zero", O_RDONLY | O_CLOEXEC), at, 6, 0), EFAULT);
	ZEROED(at, CHUNK);
	close(mem);
}

static void is_not_exported(int fd)
{
	struct pinned_mem_export request = { .size = sizeof(request), .count = 1 };
	unsigned long used = used_chunks();
	int next = WORKS(dup(fd));

	close(next);
	REFUSED(ioctl(fd, PINNED_MEM_IOC_EXPORT, &request), EACCES);
	EQUAL(used_chunks(), used);
	/* The refused requests have left no descriptor behind. */
	EQUAL(WORKS(dup(fd)), next);
	close(next);
}

int main(void)
{
	int fd = WORKS(open(PINNED_MEM_DEVICE, O_RDONLY | O_CLOEXEC));
	uint64_t phys;
	char *at;

	WORKS(populate(fd, 0, 1, &phys));
	REFUSED(mmap(NULL, CHUNK, RW, MAP_SHARED, fd, 0), EACCES);
	REFUSED(mmap(NULL, CHUNK, PROT_WRITE, MAP_SHARED, fd, 0), EACCES);
	REFUSED(mmap(NULL, CHUNK, RW, MAP_PRIVATE, fd, 0), EINVAL);
	REFUSED(mmap(NULL, CHUNK, PROT_READ, MAP_PRIVATE, fd, 0), EINVAL);
	at = find_addresses(CHUNK, 0);
	WORKS(mmap(at, CHUNK, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));
	ZEROED(at, CHUNK);
	EQUAL(phys_of(at), phys);
	cannot_be_written(at);
	is_not_exported(fd);
	WORKS(mprotect(at, CHUNK, PROT_NONE));
	WORKS(mprotect(at, CHUNK, PROT_READ));
	ZEROED(at, CHUNK);
	EQUAL(phys_of(at), phys);
	return 0;
}

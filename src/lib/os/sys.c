// SPDX-License-Identifier: MIT
/* System calls; the policy is in sys.h. */
#define _GNU_SOURCE
#include "os/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os/confined.h"
#include "os/syscall.h"

/* Flags for memory of which only pages that are touched cost anything. */
#define LAZY (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static void *map(void *addr, size_t size, int protection, int flags, int fd, uint64_t offset)
{
#ifdef SYS_mmap2
	/* On 32-bit architectures, the offset is in units of 4096 bytes. */
	return (void *)pn_syscall(SYS_mmap2, addr, size, protection, flags, fd, offset >> 12);
#else
	return (void *)pn_syscall(SYS_mmap, addr, size, protection, flags, fd, offset);
#endif
}

bool pn_sys_unmap(void *addr, size_t size)
{
	return pn_syscall(SYS_munmap, addr, size) == 0;
}

/*
 * Maps at @addr unless something is mapped there. A kernel without MAP_FIXED_NOREPLACE takes @addr
 * for a hint, and maps elsewhere if there is a mapping at @addr. Returns 0 or an errno.
 */
static int map_at(void *addr, size_t size, int protection, int flags, int fd, uint64_t offset)
{
	void *got = map(addr, size, protection, flags | MAP_FIXED_NOREPLACE, fd, offset);

	if (got == MAP_FAILED)
		return errno;
	if (got == addr)
		return 0;
	pn_sys_unmap(got, size);
	return EEXIST;
}

int pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset)
{
	return map_at(addr, size, PROT_READ | PROT_WRITE, flags, fd, offset);
}

int pn_sys_map_over(void *addr, size_t size, int flags, int fd, uint64_t offset)
{
	void *got = map(addr, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, offset);

	return got == MAP_FAILED ? errno : 0;
}

bool pn_sys_is_free(void *addr, size_t size)
{
	int err = map_at(addr, size, PROT_NONE, LAZY, -1, 0);

	if (!err)
		pn_sys_unmap(addr, size);
	return err != EEXIST;
}

bool pn_sys_is_mapped(const void *addr)
{
	uintptr_t page = (uintptr_t)addr & ~(getauxval(AT_PAGESZ) - 1);
	unsigned char unused;

	return pn_syscall(SYS_mincore, page, 1, &unused) == 0;
}

void *pn_sys_map_anywhere(size_t size, int flags)
{
	void *got = map(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);

	return got == MAP_FAILED ? NULL : got;
}

uintptr_t pn_sys_next_address(size_t size)
{
	void *got = map(NULL, size, PROT_NONE, LAZY, -1, 0);

	if (got == MAP_FAILED)
		return 0;
	pn_sys_unmap(got, size);
	return (uintptr_t)got;
}

uintptr_t pn_sys_brk(void)
{
	return (uintptr_t)pn_syscall(SYS_brk, 0);
}

/* For a process that filters its system calls, uses only the flags that libc's allocator uses. */
static int table_flags(void)
{
	return pn_is_confined() ? MAP_PRIVATE | MAP_ANONYMOUS : LAZY;
}

/* Tables are large and sparse: huge pages would waste memory on entries that are never used. */
static void avoid_huge_pages(void *table, size_t size)
{
	if (!pn_is_confined())
		pn_syscall(SYS_madvise, table, size, MADV_NOHUGEPAGE);
}

void *pn_sys_table(size_t size)
{
	void *table = map(NULL, size, PROT_READ | PROT_WRITE, table_flags(), -1, 0);

	if (table == MAP_FAILED)
		return NULL;
	avoid_huge_pages(table, size);
	return table;
}

int pn_sys_table_at(void *addr, size_t size)
{
	int err = map_at(addr, size, PROT_READ | PROT_WRITE, table_flags(), -1, 0);

	if (!err)
		avoid_huge_pages(addr, size);
	return err;
}

/*
 * Discards only whole pages of the system, which may be larger than the library's: the kernel
 * refuses a start inside a page, and extends the end to the end of a page, which may contain live
 * objects.
 */
void pn_sys_discard(void *addr, size_t size)
{
	uintptr_t page = getauxval(AT_PAGESZ);
	uintptr_t start = pn_round_up((uintptr_t)addr, page);
	uintptr_t end = ((uintptr_t)addr + size) & ~(page - 1);

	if (start < end)
		pn_syscall(SYS_madvise, start, end - start, MADV_DONTNEED);
}

void pn_sys_touch(void *addr, size_t size)
{
	size_t page = getauxval(AT_PAGESZ);

	for (size_t at = 0; at < size; at += page)
		*((volatile char *)addr + at) = 0;
}

bool pn_sys_wipe_on_fork(void *addr, size_t size)
{
	return pn_syscall(SYS_madvise, addr, size, MADV_WIPEONFORK) == 0;
}

/* Return: a descriptor, or -errno. */
int pn_sys_open(const char *path, int flags)
{
	long fd = pn_syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0);

	return fd < 0 ? -errno : (int)fd;
}

int pn_sys_create(const char *path)
{
	long fd = pn_syscall(SYS_openat, AT_FDCWD, path,
			     O_CREAT | O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : (int)fd;
}

void pn_sys_close(int fd)
{
	pn_syscall(SYS_close, fd);
}

bool pn_sys_exists(const char *path)
{
	return pn_syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

bool pn_sys_read_link(const char *path, char *target, size_t size)
{
	long len = pn_syscall(SYS_readlinkat, AT_FDCWD, path, target, size);

	if (len < 0 || (size_t)len >= size)
		return false;
	target[len] = '\0';
	return true;
}

ssize_t pn_sys_pread(int fd, void *buffer, size_t size, uint64_t offset)
{
#if defined(__LP64__)
	return pn_syscall(SYS_pread64, fd, buffer, size, offset);
#elif defined(__arm__)
	/* A 64-bit argument begins in an even register. */
	return pn_syscall(SYS_pread64, fd, buffer, size, 0, (uint32_t)offset, offset >> 32);
#else
	return pn_syscall(SYS_pread64, fd, buffer, size, (uint32_t)offset, offset >> 32);
#endif
}

int pn_sys_ioctl(int fd, unsigned long request, void *argument)
{
	return pn_syscall(SYS_ioctl, fd, request, argument) ? errno : 0;
}

/* Uses statx, whose structure is the same on all architectures. */
bool pn_sys_identify(int fd, struct pn_sys_file *file)
{
	struct statx st;

	if (pn_syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_INO, &st))
		return false;
	file->device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
	file->inode = st.stx_ino;
	file->special = (uint64_t)st.stx_rdev_major << 32 | st.stx_rdev_minor;
	return true;
}

bool pn_sys_write(int fd, const void *buffer, size_t size)
{
	const char *at = buffer;

	while (size) {
		long n = pn_syscall(SYS_write, fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

/* Returns the soft limit of @resource, or UINT64_MAX if there is none or it cannot be read. */
static uint64_t soft_limit(int resource)
{
	uint64_t limit[2]; /* soft and hard, on every architecture */

	return pn_syscall(SYS_prlimit64, 0, resource, NULL, limit) ? UINT64_MAX : limit[0];
}

/*
 * Copies @fd to a number near 1000, to be closed on exec. The number is high enough not to disturb
 * programs that rely on getting the lowest free number, and low enough not to make the kernel
 * enlarge the descriptor table. Return: a descriptor, or -errno.
 */
int pn_sys_dup_high(int fd)
{
	uint64_t limit = soft_limit(RLIMIT_NOFILE);
	int floor = 1000;
	int copy;

	if (limit <= (uint64_t)floor)
		floor = limit > 16 ? (int)limit - 8 : 3;
	copy = (int)pn_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, floor);
	return copy < 0 ? -errno : copy;
}

/*
 * The layout that the futex system call takes, also if the C library's time_t is wider than long.
 */
struct futex_time {
	long seconds;
	long nanoseconds;
};

void pn_sys_wait(const uint32_t *word, uint32_t value)
{
	static const struct futex_time most = { 0, 10 * 1000 * 1000 };

	pn_syscall_raw(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, value, (long)&most, 0, 0);
}

void pn_sys_wake(const uint32_t *word, int count)
{
	pn_syscall_raw(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, count, 0, 0, 0);
}

uint32_t pn_sys_process(void)
{
	return (uint32_t)pn_syscall_raw(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static uint64_t ask_for_time(void)
{
	long now[2] = { 0, 0 }; /* seconds and nanoseconds */

	/*
	 * On 32-bit architectures, this system call has 32-bit seconds, which are enough for a
	 * monotonic clock.
	 */
	pn_syscall(SYS_clock_gettime, CLOCK_MONOTONIC_COARSE, now);
	return (uint64_t)now[0] * 1000 + (uint64_t)now[1] / 1000000;
}

/*
 * Returns a counter that any program may read, in units of less than a millisecond: 2^20 ticks on
 * x86. Where there is no such counter, returns how often the function was called.
 */
static uint64_t counter(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc() >> 20;
#elif defined(__aarch64__)
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks >> 14;
#else
	static uint64_t calls;

	return __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
#endif
}

static bool is_clock_stopped;

void pn_sys_stop_clock(void)
{
	__atomic_store_n(&is_clock_stopped, true, __ATOMIC_RELAXED);
}

/*
 * Makes a system call only when the counter says that time has passed. In a confined process, and
 * after pn_sys_stop_clock(), the time stands still.
 */
uint64_t pn_sys_now_ms(void)
{
	static uint64_t last_count, last_ms;
	uint64_t count = counter();

	if (count != __atomic_load_n(&last_count, __ATOMIC_RELAXED) && !pn_is_confined() &&
	    !__atomic_load_n(&is_clock_stopped, __ATOMIC_RELAXED)) {
		__atomic_store_n(&last_ms, ask_for_time(), __ATOMIC_RELAXED);
		__atomic_store_n(&last_count, count, __ATOMIC_RELAXED);
	}
	return __atomic_load_n(&last_ms, __ATOMIC_RELAXED);
}

uint64_t pn_sys_random(void)
{
	uint64_t value = 0;

	if (pn_syscall(SYS_getrandom, &value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
		value = (uintptr_t)&value ^ ask_for_time() << 32 ^
			(uint64_t)pn_syscall(SYS_getpid) << 16;
	return value;
}

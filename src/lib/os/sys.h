/* SPDX-License-Identifier: MIT */
/*
 * System calls, with one policy for failures: a function that can fail for lack of a resource
 * reports the failure; other failures are ignored if that is harmless. None of the functions is a
 * cancellation point.
 *
 * All functions enter the kernel directly (syscall.h). Other preloaded libraries may wrap mmap,
 * open, clock_gettime and the like, look up the real functions by dlsym, and allocate meanwhile.
 * Such an allocation must not enter this library again while a lock is held.
 */
#ifndef PN_SYS_H
#define PN_SYS_H

#include <sys/types.h>

#include "os/base.h"

/*
 * Maps readable and writable memory at @addr. Returns 0; EEXIST if anything is mapped there
 * already; or another errno.
 */
int pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset);
/* The same in place of whatever is mapped there. Returns 0 or an errno. */
int pn_sys_map_over(void *addr, size_t size, int flags, int fd, uint64_t offset);
/* The same at an address that the kernel chooses. Returns NULL and sets errno on failure. */
void *pn_sys_map_anywhere(size_t size, int flags);
/*
 * Unmaps memory. Returns false only if a mapping would have to be split and the process has too
 * many mappings already.
 */
bool pn_sys_unmap(void *addr, size_t size);
/*
 * Frees those pages of ordinary memory that the range contains as a whole. The pages are zeros when
 * they are touched again.
 */
void pn_sys_discard(void *addr, size_t size);

/* Returns true if nothing is mapped in the range. Maps it and unmaps it again to find out. */
bool pn_sys_is_free(void *addr, size_t size);
/* Returns true if the page of @addr is mapped. */
bool pn_sys_is_mapped(const void *addr);
/* Returns where the kernel would map @size bytes now, or 0 if it would not. */
uintptr_t pn_sys_next_address(size_t size);
/* Returns the end of the C library's heap. */
uintptr_t pn_sys_brk(void);

/* Maps zeroed memory, of which only pages that are touched cost memory. Returns NULL on failure. */
void *pn_sys_table(size_t size);
/*
 * The same at @addr. Returns 0; EEXIST if anything is mapped in the range already; or another
 * errno.
 */
int pn_sys_table_at(void *addr, size_t size);
/* Writes a zero to each page of zeroed memory, so that later accesses cause no page faults. */
void pn_sys_touch(void *addr, size_t size);
/* Has the kernel zero the range in every forked child. Returns false if it cannot. */
bool pn_sys_wipe_on_fork(void *addr, size_t size);

int pn_sys_open(const char *path, int flags);
/* Creates or truncates a file that its owner may read and write. Return: as pn_sys_open(). */
int pn_sys_create(const char *path);
void pn_sys_close(int fd);
bool pn_sys_exists(const char *path);
/* Reads a symbolic link as a string. Return: false if there is no such link, or it does not fit. */
bool pn_sys_read_link(const char *path, char *target, size_t size);
ssize_t pn_sys_pread(int fd, void *buffer, size_t size, uint64_t offset);
/* Return: 0 or an errno. */
int pn_sys_ioctl(int fd, unsigned long request, void *argument);

/* The identity of the file that a descriptor refers to. */
struct pn_sys_file {
	uint64_t device;
	uint64_t inode;
	uint64_t special;
};

/* Return: false if the kernel cannot say, for instance because @fd is not open. */
bool pn_sys_identify(int fd, struct pn_sys_file *file);
/* Writes all bytes. Return: false if not all of them could be written. */
bool pn_sys_write(int fd, const void *buffer, size_t size);
/* Copies @fd to a high number, to be closed on exec. Return: a descriptor, or -errno. */
int pn_sys_dup_high(int fd);
/* Sleeps while *@word is @value, for 10 milliseconds at most. Preserves errno. */
void pn_sys_wait(const uint32_t *word, uint32_t value);
/* Wakes up to @count threads that sleep in pn_sys_wait(). Preserves errno. */
void pn_sys_wake(const uint32_t *word, int count);
/* Asks the kernel for the process ID, which is another one in a forked child. */
uint32_t pn_sys_process(void);
/*
 * Returns the monotonic time in milliseconds. In a confined process, and after pn_sys_stop_clock(),
 * the time stands still.
 */
uint64_t pn_sys_now_ms(void);
/* Lets the time stand still, so that nobody makes a system call to read it. */
void pn_sys_stop_clock(void);
/*
 * Returns a random number from the kernel or, if the kernel has none yet, a number from data that
 * differ between processes.
 */
uint64_t pn_sys_random(void);

#endif /* PN_SYS_H */

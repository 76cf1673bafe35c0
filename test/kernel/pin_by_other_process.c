// SPDX-License-Identifier: MIT
/*
 * Another process can read and write pinned memory by process_vm_readv() and process_vm_writev(),
 * by /proc/PID/mem and by ptrace(), as debuggers do. On an empty slot these calls fail and harm
 * nobody (Faults A21, A40).
 */
#include "guest.h"

#include <sys/ptrace.h>
#include <sys/uio.h>

#define LENGTH (CHUNK + 8 * PAGE)

/* Maps two filled slots and an empty one. At each stop the parent reads and writes. */
static void be_read_and_written(void *at)
{
	char *slots = at;
	int fd = open_pool();

	WORKS(populate(fd, 0, 2, NULL));
	WORKS(mmap(slots, 3 * CHUNK, RW, MAP_SHARED | MAP_FIXED, fd, 0));
	fill(slots, LENGTH, 1);
	WORKS(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	raise(SIGSTOP);
	FILLED(slots, LENGTH, 2);
	raise(SIGSTOP);
	FILLED(slots, LENGTH, 3);
	raise(SIGSTOP);
	EQUAL(*(uint64_t *)(slots + CHUNK), 0x1234567890abcdef);
	EQUAL(signal_of_read(slots + 2 * CHUNK), SIGBUS);
}

static void wait_until_stopped(pid_t pid)
{
	int status;

	EQUAL(waitpid(pid, &status, 0), pid);
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP)
		FAIL("child: expected to be stopped, got status %#x", status);
}

static void by_process_vm(pid_t pid, char *at, char *copy)
{
	struct iovec local = { .iov_base = copy, .iov_len = LENGTH };
	struct iovec remote = { .iov_base = at, .iov_len = LENGTH };

	EQUAL(process_vm_readv(pid, &local, 1, &remote, 1, 0), LENGTH);
	FILLED(copy, LENGTH, 1);
	fill(copy, LENGTH, 2);
	EQUAL(process_vm_writev(pid, &local, 1, &remote, 1, 0), LENGTH);
	remote.iov_base = at + 2 * CHUNK;
	REFUSED(process_vm_readv(pid, &local, 1, &remote, 1, 0), EFAULT);
	REFUSED(process_vm_writev(pid, &local, 1, &remote, 1, 0), EFAULT);
}

static void by_proc_mem(pid_t pid, char *at, char *copy)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = WORKS(open(path, O_RDWR | O_CLOEXEC));
	EQUAL(pread(fd, copy, LENGTH, (off_t)(uintptr_t)at), LENGTH);
	FILLED(copy, LENGTH, 2);
	fill(copy, LENGTH, 3);
	EQUAL(pwrite(fd, copy, LENGTH, (off_t)(uintptr_t)at), LENGTH);
	REFUSED(pread(fd, copy, PAGE, (off_t)(uintptr_t)(at + 2 * CHUNK)), EIO);
	close(fd);
}

static void by_ptrace(pid_t pid, char *at, const char *copy)
{
	errno = 0;
	EQUAL(ptrace(PTRACE_PEEKDATA, pid, at + CHUNK, NULL), *(const uint64_t *)(copy + CHUNK));
	EQUAL(errno, 0);
	WORKS(ptrace(PTRACE_POKEDATA, pid, at + CHUNK, (void *)0x1234567890abcdef));
	errno = 0;
	ptrace(PTRACE_PEEKDATA, pid, at + 2 * CHUNK, NULL);
	EQUAL(errno, EIO);
}

int main(void)
{
	char *at = find_addresses(3 * CHUNK, 0);
	unsigned long base = used_chunks();
	char *copy = malloc(LENGTH);
	pid_t pid = spawn(be_read_and_written, at);

	wait_until_stopped(pid);
	by_process_vm(pid, at, copy);
	WORKS(ptrace(PTRACE_CONT, pid, NULL, NULL));
	wait_until_stopped(pid);
	by_proc_mem(pid, at, copy);
	WORKS(ptrace(PTRACE_CONT, pid, NULL, NULL));
	wait_until_stopped(pid);
	by_ptrace(pid, at, copy);
	WORKS(ptrace(PTRACE_DETACH, pid, NULL, NULL));
	ENDED_WELL(pid);
	COMES_TO_USE(base);
	return 0;
}

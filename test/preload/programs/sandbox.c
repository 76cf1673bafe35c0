// SPDX-License-Identifier: MIT
/*
 * Protects programs that filter their own system calls from being killed because of malloc:
 * under the filter, the shim makes only system calls that libc's malloc makes too, also in
 * threads that start later and in forked children (Faults B8). The argument selects how the
 * filter is installed: by prctl(), by libseccomp's function, or by a raw system call that the
 * shim cannot see. The filter allows the call by which the shim asks whether a filter is installed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "../../lib/check.h"

#define ALLOW(number)                                        \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define ARGUMENT(n) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * (n))
#define ALLOW_IF(number, n, value)                                        \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 4), ARGUMENT(n), \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1),       \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),             \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

/* Allows what glibc's malloc, threads and fork need, and the request for the seccomp mode. */
static struct sock_filter allowed[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	ALLOW(SYS_brk),
	ALLOW(SYS_munmap),
	ALLOW(SYS_mremap),
	ALLOW(SYS_mprotect),
	ALLOW(SYS_futex),
	ALLOW(SYS_write),
	ALLOW(SYS_exit),
	ALLOW(SYS_exit_group),
	ALLOW(SYS_rt_sigaction),
	ALLOW(SYS_rt_sigprocmask),
	ALLOW(SYS_clone),
	ALLOW(SYS_clone3),
	ALLOW(SYS_set_robust_list),
	ALLOW(SYS_rseq),
	ALLOW(SYS_gettid),
	ALLOW(SYS_getpid),
	ALLOW(SYS_wait4),
	ALLOW_IF(SYS_madvise, 2, MADV_DONTNEED), /* a thread's stack */
	ALLOW_IF(SYS_prctl, 0, PR_GET_SECCOMP),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	ARGUMENT(3),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MAP_PRIVATE | MAP_ANONYMOUS, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static struct sock_fprog program = { sizeof(allowed) / sizeof(allowed[0]), allowed };

/* libseccomp's function, which gets the filter as its argument here. */
__attribute__((weak)) int seccomp_load(const void *context);

static void confine(const char *how)
{
	int (*load)(const void *) = (int (*)(const void *))dlsym(RTLD_DEFAULT, "seccomp_load");

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	/* Programs test by this call, which installs nothing, whether the kernel has filters. */
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == -1 && errno == EFAULT);
	if (!strcmp(how, "prctl"))
		CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
	else if (!strcmp(how, "libseccomp"))
		CHECK(load && !load(&program));
	else
		CHECK(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

static char *objects[400];

static void use_heap(int rounds)
{
	static unsigned long state = 42;

	for (int round = 0; round < rounds; round++) {
		unsigned long random = next_random(&state);
		size_t size = random % 20 ? random % 5000 : random % (4 << 20);
		char **object = &objects[random / 7 % 400];

		if (random % 3) {
			free(*object);
			*object = malloc(size + 1);
		} else {
			*object = realloc(*object, size / 2 + 1);
		}
		CHECK(*object);
		**object = 1;
	}
}

static void *use_in_thread(void *unused)
{
	use_heap(5000);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	pid_t child;

	/* One heap for all threads, because glibc opens a file when it shrinks another heap. */
	CHECK(mallopt(M_ARENA_MAX, 1));
	/* More objects than the caches keep, so that later frees give memory back. */
	for (int i = 0; i < 400; i++)
		CHECK(objects[i] = malloc(100000));
	confine(argc > 1 ? argv[1] : "prctl");
	use_heap(20000);
	CHECK(!pthread_create(&thread, NULL, use_in_thread, NULL));
	CHECK(!pthread_join(thread, NULL));
	child = fork();
	if (child == 0) {
		use_heap(5000);
		_exit(0);
	}
	CHECK_ENDS_WELL(child);
	for (int i = 0; i < 400; i++)
		free(objects[i]);
	/* Not exit(), since this test does not cover the system calls of glibc's exit. */
	_exit(0);
}

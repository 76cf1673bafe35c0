// SPDX-License-Identifier: MIT
/*
 * Protects processes in which only a part is confined: a filter of system calls that a vfork()
 * child installs before it executes another program, or that a thread installs for itself, does not
 * keep the rest of the process from getting more pinned memory (Faults E13). The thread itself
 * makes no system call that its filter forbids.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/check.h"

/*
 * Kills at system calls that the library makes when it gets memory. /bin/true makes none of them if
 * the library is not loaded into it.
 */
#define KILL(number)                                         \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	KILL(SYS_prctl),
	KILL(SYS_clock_gettime),
	KILL(SYS_statx),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
static int (*owns)(const void *ptr);

static int confine(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/* Allocates more than the library has, so that the library must ask the system for memory. */
static int is_pinned(void)
{
	char *object = malloc(20 << 20);
	int answer;

	CHECK(object);
	memset(object, 1, 20 << 20);
	answer = owns && owns(object);
	free(object);
	return answer;
}

static void *work_confined(void *unused)
{
	free(malloc(10));
	CHECK(!confine());
	for (int i = 0; i < 100; i++)
		free(malloc(5 << 20));
	return unused;
}

int main(void)
{
	char *const no_variables[] = { NULL };
	pthread_t thread;
	pid_t child;
	int expected;

	owns = (int (*)(const void *))dlsym(RTLD_DEFAULT, "pinned_owns");
	expected = !!owns;
	CHECK(is_pinned() == expected);
	child = vfork();
	if (child == 0) {
		if (confine())
			_exit(3);
		execle("/bin/true", "true", NULL, no_variables);
		_exit(4);
	}
	CHECK_ENDS_WELL(child);
	CHECK(is_pinned() == expected);
	CHECK(!pthread_create(&thread, NULL, work_confined, NULL));
	CHECK(!pthread_join(thread, NULL));
	CHECK(is_pinned() == expected);
	child = fork();
	if (child == 0)
		_exit(is_pinned() == expected ? 0 : 5);
	CHECK_ENDS_WELL(child);
	/* A filter that the main thread installs counts as one of the whole process. */
	CHECK(!confine());
	free(malloc(20 << 20));
	return 0;
}

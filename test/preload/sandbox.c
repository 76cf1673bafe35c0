// SPDX-License-Identifier: MIT
/*
 * A process that filters its own system calls is not killed for what malloc
 * does: after the filter there is no open, ioctl, mprotect or mremap out of
 * malloc and free (Faults B8).
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "../lib/check.h"

#define KILL_ON(number)                                      \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static void confine(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		KILL_ON(SYS_ioctl),
		KILL_ON(SYS_openat),
#ifdef SYS_open
		KILL_ON(SYS_open),
#endif
		KILL_ON(SYS_mprotect),
		KILL_ON(SYS_mremap),
		KILL_ON(SYS_getrandom),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static void use_heap(void)
{
	static char *objects[400];
	unsigned long state = 42;

	for (int round = 0; round < 50000; round++) {
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
	for (int i = 0; i < 400; i++)
		free(objects[i]);
}

int main(void)
{
	free(malloc(100));
	confine();
	use_heap();
	/* Not exit: glibc's own end is none of this test's business. */
	_exit(0);
}

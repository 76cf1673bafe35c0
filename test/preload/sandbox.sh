#!/bin/bash
# SPDX-License-Identifier: MIT
# A process that filters its own system calls allocates on, with libc's memory for what it has not yet, however
# it came by the filter (Faults B8, E13). libseccomp's function is a stand-in's: it is known by its name.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc"

cat >seccomp.c <<'LIBRARY'
#define _GNU_SOURCE
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

int seccomp_load(const void *program)
{
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program);
}
LIBRARY
"$cc" -shared -fPIC -o seccomp.so seccomp.c

for how in prctl system_call; do
	same - "$programs/sandbox" $how
done
LD_PRELOAD=$PWD/seccomp.so same - "$programs/sandbox" libseccomp
# A filter of a child or a thread concerns that alone.
same - "$programs/confined_alone"
# It is on pinned memory: one chunk does not do, and without libc there is no more.
! "${pinned[@]}" --policy fail --limit 2M -- "$programs/sandbox" >out 2>err || fail 'this is not pinned memory'

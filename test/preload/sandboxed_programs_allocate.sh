#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that filter their own system calls: such a process can still allocate, and gets
# libc's memory where it would need new pinned memory, in whichever way the filter was installed
# (Faults B8, E13). A stand-in defines libseccomp's function, since the shim recognises that
# function by its name.
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
# A filter of a child or of one thread does not affect the rest of the process.
same - "$programs/confined_alone"
# Shows that the program is on pinned memory: without libc's memory, one chunk is not enough.
! "${pinned[@]}" --policy fail --limit 2M -- "$programs/sandbox" >out 2>err || fail 'this is not pinned memory'

#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs with another preloaded library that wraps system calls: if the wrappers of mmap
# and open allocate while they look up the real functions, the shim does not recurse without end
# (Faults B1). torsocks wraps syscall() in this way (Faults E9).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc" torsocks

cat >wrapper.c <<'LIBRARY'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/types.h>

void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
	void *(*next)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, "mmap");

	free(malloc(100));
	return next(addr, length, prot, flags, fd, offset);
}

int open(const char *path, int flags, ...)
{
	int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
	va_list list;
	int mode;

	va_start(list, flags);
	mode = va_arg(list, int);
	va_end(list);
	free(calloc(10, 10));
	return next(path, flags, mode);
}
LIBRARY
"$cc" -shared -fPIC -fno-builtin -o wrapper.so wrapper.c -ldl
seq 1000 >numbers
export LD_PRELOAD=$PWD/wrapper.so
same sort sort numbers
same python3 python3 -c 'print(sum(range(100000)))'

# The wrapper is preloaded before the shim and after it, in a process that passes through and in a
# pinned one.
unset LD_PRELOAD
shim=$PINNED_BUILD/lib/libmalloc-pinned.so
torsocks=$(ls /usr/lib/*/torsocks/libtorsocks.so)
for order in "$torsocks:$shim" "$shim:$torsocks"; do
	for MALLOC_PINNED_CONF in '' "backend:${TEST_BACKEND:-anon},policy:fail"; do
		export MALLOC_PINNED_CONF
		[ -n "$MALLOC_PINNED_CONF" ] || unset MALLOC_PINNED_CONF
		LD_PRELOAD=$order timeout 60 sort numbers >out 2>err || fail "$order ${MALLOC_PINNED_CONF-}: exit status $?: $(cat err)"
		sort numbers | cmp - out || fail "$order: output differs"
	done
	unset MALLOC_PINNED_CONF
done

#!/bin/sh
# SPDX-License-Identifier: MIT
# Promise: neither library makes its system calls through a public function that another preloaded
# library may wrap, so a program under torsocks, which wraps even syscall(), does not hang before
# main() (Faults E9). The exception is madvise(), by which the library announces memory that is
# about to go (Faults E12): one file calls it, through the procedure linkage table, because
# libfabric replaces addresses only there. The system-call instruction is right for each
# architecture: 32-bit programs and programs for other architectures are built and run if their
# compilers are installed.
set -eu

top=${PINNED_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${PINNED_BUILD:-$top/build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

failures=0
for library in libpinned.so.1 libmalloc-pinned.so; do
	nm -D --undefined-only "$build/lib/$library" | sed 's/.* //; s/@.*//' | sort -u >"$tmp/imports"
	[ -s "$tmp/imports" ] || { echo "$library: nm names no import" >&2; failures=$((failures + 1)); }
	for name in syscall mmap mmap64 munmap mprotect open open64 openat openat64 close read write pread pread64 \
		ioctl fcntl fcntl64 dup dup2 stat stat64 fstat fstat64 statx access faccessat readlink readlinkat getrandom \
		clock_gettime getrlimit getrlimit64 prlimit prlimit64 getpid gettid prctl futex sched_yield _exit brk sbrk \
		mremap socket nanosleep usleep getuid geteuid; do
		if grep -qx "$name" "$tmp/imports"; then
			echo "$library imports $name: make the call by pn_syscall(), src/lib/os/syscall.h" >&2
			failures=$((failures + 1))
		fi
	done
	readelf -rW "$build/lib/$library" | grep -q 'JU\?MP_SLOT.* madvise' || {
		echo "$library does not call madvise() through the procedure linkage table" >&2
		failures=$((failures + 1))
	}
done
callers=$(cd "$build/obj" && for object in lib/*/*.o shim/*.o; do ! nm -u "$object" | grep -qw madvise || echo "$object"; done)
[ "$callers" = lib/os/announce.o ] || { echo "these files call madvise(): $callers" >&2; failures=$((failures + 1)); }

cat >"$tmp/program.c" <<'PROGRAM'
#include "os/syscall.h"
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef SYS_mmap2
#define MAP_NUMBER SYS_mmap2
#define FIRST_PAGES 1
#else
#define MAP_NUMBER SYS_mmap
#define FIRST_PAGES 4096
#endif

int main(int argc, char **argv)
{
	char bytes[16];
	long fd = pn_syscall(SYS_openat, AT_FDCWD, argv[argc - 1], O_RDONLY, 0), got;
	char *mapped;

	if (fd < 0 || pn_syscall(SYS_getpid) != getpid())
		return 2;
	if (pn_syscall(SYS_close, 12345) != -1 || errno != EBADF)
		return 3;
	/* Six arguments, each of which counts. */
	mapped = (char *)pn_syscall(MAP_NUMBER, NULL, 4096, PROT_READ, MAP_PRIVATE, fd, FIRST_PAGES);
	if (mapped == MAP_FAILED || lseek((int)fd, 4096, SEEK_SET) != 4096)
		return 4;
	got = pn_syscall(SYS_read, fd, bytes, sizeof(bytes));
	return got == sizeof(bytes) && !memcmp(mapped, bytes, sizeof(bytes)) ? 0 : 5;
}
PROGRAM
ran=0
# try COMPILER EMULATOR
try() {
	command -v "$1" >/dev/null && { [ -z "$2" ] || command -v "$2" >/dev/null; } || return 0
	for options in '-O0 -fno-omit-frame-pointer' '-O2 -fPIC'; do
		# shellcheck disable=SC2086 # options are words
		"$1" -static $options -Wall -Wextra -Werror -I"$top/src/lib" -o "$tmp/program" "$tmp/program.c"
		status=0
		# shellcheck disable=SC2086
		$2 "$tmp/program" "$tmp/program" || status=$?
		[ $status -eq 0 ] || { echo "$1 $options: exit status $status" >&2; failures=$((failures + 1)); }
		ran=$((ran + 1))
	done
}
try "${CC:-cc}" ''
try clang ''
try i686-linux-gnu-gcc ''
try aarch64-linux-gnu-gcc qemu-aarch64-static
try arm-linux-gnueabihf-gcc qemu-arm-static
echo "$ran programs, $failures failures"
[ "$failures" -eq 0 ] && [ "$ran" -ge 2 ]

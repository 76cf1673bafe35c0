#!/bin/sh
# SPDX-License-Identifier: MIT
# Promise: each public header compiles without warnings, also about conversions, alone and included
# twice, by the compiler in CC and by clang: those for C in C99, C11, C++11, C++17 and C++20, the one
# for C++ in C++17 and C++20; the header of the ioctl interface also for 32-bit programs and without
# a C library. The compiler warns if a program passes what a function of pinned.h returned to the
# wrong function, for example to free().
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cc=${CC:-cc}
cxx=${CXX:-c++}

for compiler in "$cc" "$cxx"; do
	command -v "${compiler%% *}" >/dev/null || { echo "SKIP: no ${compiler%% *}"; exit 77; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

failures=0
compiled=0
try() {  # HEADER COMPILER OPTIONS...
	header=$1
	compiler=$2
	shift 2
	compiled=$((compiled + 1))
	# shellcheck disable=SC2086 # the compiler may carry options
	if ! $compiler -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wundef -Wredundant-decls -Wcast-qual \
		-Wwrite-strings -Werror -fsyntax-only "$@" "$tmp/twice.c"; then
		echo "$header: does not compile alone with: $compiler $*" >&2
		failures=$((failures + 1))
	fi
}

# With -m32 gcc does not search the directory with the kernel's headers for this machine.
kernel_headers=/usr/include/$($cc -print-multiarch 2>/dev/null || gcc -print-multiarch)

for header in "$top"/include/*.h "$top"/include/uapi/*.h "$top"/include/usdm/*.h; do
	case ${header##*/} in *_kernel.h) continue ;; esac  # for kernel modules
	printf '#include "%s"\n#include "%s"\nint unused;\n' "$header" "$header" >"$tmp/twice.c"
	for standard in c99 c11 c++11 c++17 c++20; do
		case $standard in
		c++*) try "$header" "$cxx" -x c++ -std=$standard ;;
		*) try "$header" "$cc" -std=$standard ;;
		esac
		if command -v clang >/dev/null; then try "$header" clang -x "${standard%%[0-9]*}" -std=$standard; fi
	done
	case $header in
	*/uapi/*)
		try "$header" "$cc" -std=c11 -ffreestanding
		case $($cc -dumpmachine) in
		x86_64-*) try "$header" "$cc" -std=c11 -m32 -ffreestanding -idirafter "$kernel_headers" ;;
		esac
		;;
	esac
done

# The header for C++. A test of another level runs what it declares.
for standard in 17 20; do
	printf '#include <pinned.hpp>\n#include <pinned.hpp>\nint unused;\n' >"$tmp/twice.c"
	for compiler in "$cxx" clang++; do
		command -v "${compiler%% *}" >/dev/null || { echo "no ${compiler%% *}" >&2; failures=$((failures + 1)); continue; }
		try pinned.hpp "$compiler" -x c++ -std=c++$standard -I"$top/include"
	done
done

# The right function for each pointer gives no warning, and a wrong one does (in gcc since version
# 11).
cat >"$tmp/right.c" <<'END'
#include <stdlib.h>
#include "pinned.h"
void try(int fd);
void try(int fd)
{
	pinned_free(pinned_malloc(PINNED_CHUNK_SIZE));
	pinned_free(pinned_realloc(pinned_calloc(1, 1), 2));
	pinned_free(pinned_heap_memalign(NULL, 16, 1));
	pinned_heap_destroy(pinned_heap_create(NULL));
	pinned_device_detach(pinned_device_attach(fd, NULL));
	pinned_chunks_free(pinned_chunks_alloc(NULL, 1, PINNED_CHUNK_SIZE, 0, NULL, NULL), 1);
}
#if PINNED_VERSION < PINNED_VERSION_OF(0, 1, 0)
#error "a version is compared wrongly"
#endif
END
mismatched() {  # CODE
	printf '#include <stdlib.h>\n#include "pinned.h"\nvoid try(void);\nvoid try(void) { %s }\n' "$1" >"$tmp/wrong.c"
	compiled=$((compiled + 1))
	# shellcheck disable=SC2086
	if $cc -O1 -Wall -Werror=mismatched-dealloc -I"$top/include" -c -o /dev/null "$tmp/wrong.c" 2>/dev/null; then
		echo "pinned.h: no warning for: $1" >&2
		failures=$((failures + 1))
	fi
}
# shellcheck disable=SC2086
$cc -O1 -Wall -Wextra -Wconversion -Werror -I"$top/include" -c -o /dev/null "$tmp/right.c" || failures=$((failures + 1))
if [ "$($cc -dumpversion | cut -d. -f1)" -ge 11 ] && ! $cc --version | grep -q clang; then
	mismatched 'free(pinned_malloc(1));'
	mismatched 'pinned_free(malloc(1));'
	mismatched 'free(pinned_realloc(pinned_calloc(1, 1), 2));'
	mismatched 'free(pinned_heap_malloc(NULL, 1));'
	mismatched 'pinned_free(pinned_heap_create(NULL));'
fi

echo "$compiled compilations, $failures failures"
[ "$failures" -eq 0 ] && [ "$compiled" -ge 12 ]

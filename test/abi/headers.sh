#!/bin/sh
# SPDX-License-Identifier: MIT
# Promise: each public header compiles alone and twice, without warnings, in C99, C11 and C++17; the
# ioctl interface's also for 32-bit programs and without a C library.
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
	if ! $compiler -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$@" "$tmp/twice.c"; then
		echo "$header: does not compile alone with: $compiler $*" >&2
		failures=$((failures + 1))
	fi
}

# With -m32 gcc does not look where the kernel's headers for this machine are.
kernel_headers=/usr/include/$($cc -print-multiarch 2>/dev/null || gcc -print-multiarch)

for header in "$top"/include/*.h "$top"/include/uapi/*.h; do
	case ${header##*/} in *_kernel.h) continue ;; esac  # for kernel modules
	printf '#include "%s"\n#include "%s"\nint unused;\n' "$header" "$header" >"$tmp/twice.c"
	try "$header" "$cc" -std=c99
	try "$header" "$cc" -std=c11
	try "$header" "$cxx" -x c++ -std=c++17
	case $header in
	*/uapi/*)
		try "$header" "$cc" -std=c11 -ffreestanding
		case $($cc -dumpmachine) in
		x86_64-*) try "$header" "$cc" -std=c11 -m32 -ffreestanding -idirafter "$kernel_headers" ;;
		esac
		;;
	esac
done

echo "$compiled compilations, $failures failures"
[ "$failures" -eq 0 ] && [ "$compiled" -ge 6 ]

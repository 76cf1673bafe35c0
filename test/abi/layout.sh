#!/bin/sh
# SPDX-License-Identifier: MIT
# Promise: the ioctl interface has the same sizes, offsets and numbers for 32-bit and 64-bit programs,
# those that src/kernel/abi_check.c pins. Then proves that a change of any of them is noticed.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
check=$top/src/kernel/abi_check.c
cc=${CC:-cc}

command -v "${cc%% *}" >/dev/null || { echo "SKIP: no C compiler"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# All that is wanted of <assert.h>, so that no 32-bit C library need be installed.
mkdir "$tmp/include"
echo '#define static_assert _Static_assert' >"$tmp/include/assert.h"

# FILE BITS
# shellcheck disable=SC2086 # the compiler may carry options
compile() {
	$cc -std=c11 -Wall -Wextra -Werror -ffreestanding -fsyntax-only "-m$2" \
		-I"$tmp/include" -I"$top/include" \
		-idirafter "/usr/include/$($cc -print-multiarch 2>/dev/null || gcc -print-multiarch)" "$1"
}

case $($cc -dumpmachine) in
x86_64-*) word_sizes='32 64' ;;
*)
	echo "SKIP: no -m32 and -m64 for $($cc -dumpmachine)"
	exit 77
	;;
esac

failures=0
for bits in $word_sizes; do
	compile "$check" "$bits" || {
		echo "$check: does not hold for $bits-bit programs" >&2
		failures=$((failures + 1))
	}
done

# Each assertion with its literal changed must be refused, for that reason.
grep -nE '^(FIELD|static_assert)\(|^	.* == [0-9]' "$check" >"$tmp/assertions"
changed=0
while IFS=: read -r line _; do
	case $(sed -n "${line}p" "$check") in
	FIELD*) edit='s/, \([0-9]*\));/, 1\1);/' ;;
	*) edit='s/ == \(0x\)\{0,1\}\([0-9a-f]*\)/ == \11\2/' ;;
	esac
	sed "${line}$edit" "$check" >"$tmp/changed.c"
	if cmp -s "$check" "$tmp/changed.c"; then
		echo "$check:$line: no literal found to change" >&2
		failures=$((failures + 1))
		continue
	fi
	changed=$((changed + 1))
	for bits in $word_sizes; do
		if compile "$tmp/changed.c" "$bits" 2>"$tmp/errors" ||
			! grep -q 'static assertion failed\|static_assert failed' "$tmp/errors"; then
			echo "$check:$line: a changed literal was not noticed for $bits-bit programs" >&2
			failures=$((failures + 1))
		fi
	done
done <"$tmp/assertions"

# And a field that grows moves those behind it.
mkdir -p "$tmp/grown/uapi"
sed '/^struct pinned_mem_query {/,/^};/s/__u32 flags;/__u64 flags;/' "$top/include/uapi/pinned_mem.h" \
	>"$tmp/grown/uapi/pinned_mem.h"
if $cc -std=c11 -ffreestanding -fsyntax-only -I"$tmp/include" -I"$tmp/grown" "$check" 2>/dev/null; then
	echo "a changed structure in pinned_mem.h was not noticed" >&2
	failures=$((failures + 1))
fi

echo "$changed assertions changed in turn, $failures failures"
[ "$failures" -eq 0 ] && [ "$changed" -gt 40 ]

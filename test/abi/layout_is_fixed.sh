#!/bin/sh
# SPDX-License-Identifier: MIT
# Promise: the ioctl interface has the same sizes, offsets and numbers for 32-bit and 64-bit
# programs, namely those in src/kernel/abi_check.c. The test also shows that a change of any of
# these is noticed (Fault A33).
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
check=$top/src/kernel/abi_check.c
cc=${CC:-cc}

command -v "${cc%% *}" >/dev/null || { echo "SKIP: no C compiler"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# A minimal <assert.h>, so that no 32-bit C library need be installed.
mkdir "$tmp/include"
echo '#define static_assert _Static_assert' >"$tmp/include/assert.h"

# FILE OPTION...
compile() {
	file=$1
	shift
	# shellcheck disable=SC2086 # the compiler may carry options
	$cc -std=c11 -Wall -Wextra -Werror -ffreestanding -fsyntax-only "$@" -I"$tmp/include" \
		-I"$top/include" -idirafter "$kernel_headers" "$file"
}

# With -m32 gcc does not search the directory with the kernel's headers for this machine.
kernel_headers=/usr/include/$($cc -print-multiarch 2>/dev/null || gcc -print-multiarch)
case $($cc -dumpmachine) in
x86_64-*) word_sizes='-m32 -m64' ;;
*) word_sizes=-g0 ;; # the machine's own
esac

failures=0
fail() {
	echo "$*" >&2
	failures=$((failures + 1))
}

for word_size in $word_sizes; do
	compile "$check" "$word_size" || fail "$check: does not hold with $word_size"
done

# Changes each literal in turn; the compiler must refuse each change, and for that reason.
changed=0
change_literal() {  # LINE PATTERN WHICH-OF-THE-LINE
	sed "$1s/$2/&1/$3" "$check" >"$tmp/changed.c"
	changed=$((changed + 1))
	for word_size in $word_sizes; do
		if compile "$tmp/changed.c" "$word_size" 2>"$tmp/errors" ||
			! grep -q 'static assertion failed\|static_assert failed' "$tmp/errors"; then
			fail "$check:$1: a change was not noticed with $word_size"
		fi
	done
}

while IFS=: read -r line text; do
	case $text in
	FIELD*) change_literal "$line" ', ' 2 ;;
	*)
		which=$(printf '%s\n' "$text" | grep -oE ' == [0-9]' | wc -l)
		while [ "$which" -gt 0 ]; do
			change_literal "$line" ' == \(0x\)\{0,1\}' "$which"
			which=$((which - 1))
		done
		;;
	esac
done <<ASSERTIONS
$(grep -nE '^FIELD\(| == [0-9]' "$check")
ASSERTIONS

# A field that grows moves the fields after it, which must be noticed too.
mkdir -p "$tmp/grown/uapi"
sed '/^struct pinned_mem_query {/,/^};/s/__u32 flags;/__u64 flags;/' "$top/include/uapi/pinned_mem.h" \
	>"$tmp/grown/uapi/pinned_mem.h"
if $cc -std=c11 -ffreestanding -fsyntax-only -I"$tmp/include" -I"$tmp/grown" \
	"$check" 2>/dev/null; then
	fail "a changed structure in pinned_mem.h was not noticed"
fi

echo "$changed literals changed in turn, $failures failures"
[ "$failures" -eq 0 ] && [ "$changed" -gt 40 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
# Checks that each function of the project and its tests has at most 60 lines, and that each
# function of the driver, the library or the shim whose name ends in _locked, because its caller
# holds a lock, asserts that lock.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0

complain() {
	echo "$*"
	bad=1
}

mapfile -t files < <(git ls-files '*.c' '*.h')
# FILE FIRST-LINE LAST-LINE NAME
functions=$(ctags-universal -x --language-force=C --kinds-C=f --fields=+e --_xformat='%F %n %e %N' "${files[@]}")
[ "$(wc -l <<<"$functions")" -gt 500 ] || complain "test/lint/functions.sh:1: length: ctags found hardly any function"

while read -r file first last name; do
	lines=$((last - first + 1))
	[ $lines -le 60 ] || complain "$file:$first: length: $name has $lines lines, more than 60"
done <<<"$functions"

count=0
while read -r file first last name; do
	count=$((count + 1))
	sed -n "${first},${last}p" "$file" | grep -qE '^	(lockdep_assert_held(_read|_write)?|assert_spin_locked|pn_lock_assert_held|pn_arena_assert_held)\(' ||
		complain "$file:$first: locked: $name is named _locked and does not assert its lock"
done < <(grep -E '^src/[^ ]* [0-9]+ [0-9]+ [a-z0-9_]*_locked$' <<<"$functions")
[ $count -gt 50 ] || complain "test/lint/functions.sh:1: locked: only $count functions named _locked found"
exit $bad

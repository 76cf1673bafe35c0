#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs from the consequences of a wrong free(): each program of misuse/ is aborted,
# after one line that names the call and the pointer (Faults B34). Each program prints a pointer and
# then misuses that pointer; the lines `Expected:` of its first comment are the messages that it may
# get.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
ulimit -c 0

expected_of() {  # SOURCE
	sed -n '/^#include/q; s/^ \* Expected: //p' "$1"
}

misused() {  # SOURCE
	local status=0 name message
	name=$(basename "$1" .c)
	[ -n "$(expected_of "$1")" ] || fail "$1: the first comment has no line 'Expected: MESSAGE'"
	"${pinned[@]}" "$misuses/$name" >out 2>err || status=$?
	[ "$status" -eq 134 ] || fail "$name: exit status $status, expected that of SIGABRT: $(cat err)"
	[ -s out ] || fail "$name: did not get as far as its misuse"
	while read -r message; do
		if echo "pinned: $message $(cat out)" | cmp -s - err; then
			return
		fi
	done < <(expected_of "$1")
	fail "$name: pointer $(cat out), message: $(cat err)"
}

{
	count=0
	for source in "$(dirname "$0")"/misuse/*.c; do
		misused "$source"
		count=$((count + 1))
	done
	[ $count -ge 13 ] || fail "only $count programs found"
} 2>&1 # bash writes here what each was killed by

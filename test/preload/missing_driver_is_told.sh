#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects systems without the driver: a program prints one line of warning and runs on ordinary
# memory, or does not start, as its policy says. Under policy passthrough, and without a
# configuration, nothing is printed (Faults A39, B4, B7, B38).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
[ ! -e /dev/pinned_mem ] || skip '/dev/pinned_mem exists here'

shim=$PINNED_BUILD/lib/libmalloc-pinned.so
run=$PINNED_BUILD/pinned-run

# quiet command...: checks that the command prints its greeting and nothing else.
quiet() {
	"$@" echo hello >out 2>err || fail "$*: exit status $?: $(cat err)"
	[ "$(cat out err)" = hello ] || fail "$*: $(cat out err)"
}

warned() {
	"$@" echo hello >out 2>err || fail "$*: exit status $?: $(cat err)"
	[ "$(cat out)" = hello ] || fail "$*: $(cat out)"
	is_one_line err || fail "$*: $(cat err)"
	grep -q '^pinned: no pinned memory' err || fail "$*: $(cat err)"
}

refused() {
	local status=0
	"$@" echo hello >out 2>err || status=$?
	[ "$status" -eq 127 ] || fail "$*: exit status $status, expected 127"
	[ ! -s out ] || fail "$*: it started: $(cat out)"
	is_one_line err || fail "$*: $(cat err)"
	grep -q '^pinned: no pinned memory' err || fail "$*: $(cat err)"
}

warned "$run"
warned "$run" --backend auto
warned "$run" --backend device
warned "$run" --backend device --policy fallback
refused "$run" --backend device --policy fail
refused "$run" --policy fail
quiet "$run" --backend device --policy passthrough
quiet "$run" --backend anon --policy passthrough
quiet "$run" --backend anon
quiet env LD_PRELOAD="$shim"
quiet env LD_PRELOAD="$shim" MALLOC_PINNED_CONF=policy:passthrough,backend:device

# A program that allocates a lot gets one warning as well, and works.
seq 100000 | tac >numbers
sort -n numbers >plain
"$run" --backend device -- sort -n numbers >out 2>err
cmp plain out
is_one_line err || fail "$(cat err)"

# The report says that nothing is pinned.
"$run" --backend device --report -- sort -n numbers >out 2>err
[ "$(report err sort chunks_peak)" -eq 0 ] || fail "$(cat err)"
grep -q 'pinned: report: .* program=sort .*backend=none' err || fail "$(cat err)"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects crash handlers: the core file of a small program is small, whether the kernel or a
# debugger writes the file, because address space without memory is not dumped. The test measures
# the size including holes, since that is what a handler at the end of a pipe receives (Faults C16,
# E5).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

need gdb gcore
program=$programs/process_limits
limit=$((50 << 20))

# is_small FILE WHAT
is_small() {
	[ -s "$1" ] || fail "$2: there is no core"
	echo "$2: $(stat -c %s "$1") bytes"
	[ "$(stat -c %s "$1")" -lt "$limit" ] || fail "$2: the core has $(stat -c %s "$1") bytes"
}

told() {
	[ -s out ]
}

"${pinned[@]}" -- "$program" wait >out 2>err &
pid=$!
wait_until told
gcore -o core.gdb "$pid" >gcore.out 2>&1 || fail "gcore: $(cat gcore.out)"
kill "$pid"
wait "$pid" || true
is_small "core.gdb.$pid" gcore

case $(cat /proc/sys/kernel/core_pattern) in
*/* | '|'*) exit 0 ;;
esac
ulimit -c unlimited || exit 0
status=0
"${pinned[@]}" -- "$program" abort >out 2>err || status=$?
[ "$status" -eq 134 ] || fail "abort: exit status $status: $(cat err)"
for core in core*; do
	case $core in core.gdb.*) ;; *) is_small "$core" 'the kernel' ;; esac
done

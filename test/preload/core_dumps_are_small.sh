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

# The kernel writes to the working directory, unless the machine sends cores elsewhere or forbids
# them.
pattern=$(cat /proc/sys/kernel/core_pattern)
case $pattern in
*/* | '|'* | '')
	echo "the kernel: cores go to \"$pattern\", so only gdb's was measured"
	exit 0
	;;
esac
if ! ulimit -c unlimited; then
	echo "the kernel: no core is allowed, so only gdb's was measured"
	exit 0
fi
mkdir crash
cd crash
status=0
"${pinned[@]}" -- "$program" abort >../out 2>../err || status=$?
[ "$status" -eq 134 ] || fail "abort: exit status $status: $(cat ../err)"
core=$(ls -A)
[ -n "$core" ] || fail 'the kernel wrote no core'
is_small "$core" 'the kernel'

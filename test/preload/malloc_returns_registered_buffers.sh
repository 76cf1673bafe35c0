#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects registrars on the heap of a program: the example of io_uring's registered buffers names
# an index for each buffer that malloc returned, registers chunks and no single buffer, and
# withdraws each chunk. Requests whose buffers the kernel does not register are ordinary ones.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
export LD_LIBRARY_PATH=$PINNED_BUILD/stage/lib

status=0
"${pinned[@]}" -- "$PINNED_BUILD/examples/io_uring/try" file >out 2>err || status=$?
[ $status -ne 77 ] || skip "$(without_report err)"
[ $status -eq 0 ] || fail "status $status" "$(cat out err)"
value() { sed -n "s/.* $1=\([a-z0-9]*\).*/\1/p" out; }
[ "$(value backend)" = "${TEST_BACKEND:-anon}" ] || fail "$(cat out)"
[ "$(value mismatches)" = 0 ] || fail "$(cat out)"
[ "$(value requests)" -ge 400 ] || fail "$(cat out)"
[ "$(value chunks_added)" -lt 100 ] || fail "$(cat out)"
[ "$(value chunks_added)" = "$(value chunks_removed)" ] || fail "chunks stay registered" "$(cat out)"
# RLIMIT_MEMLOCK does not apply to root.
if [ "$(id -u)" = 0 ] && [ "${TEST_BACKEND:-anon}" = anon ]; then
	[ "$(value registered)" = "$(value requests)" ] || fail "not all are registered" "$(cat out)"
fi
cat out

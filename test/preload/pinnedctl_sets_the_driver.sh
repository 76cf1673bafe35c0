#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects administrators: pinnedctl shows the driver's figures and settings, resizes the reserve,
# and says why it cannot. A folder imitates the driver's files in sysfs.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need python3
ctl=$PINNED_BUILD/pinnedctl
export PINNEDCTL_ROOT=$PWD
device=sys/class/misc/pinned_mem
pretend_driver . 512

"$ctl" status >out
grep -q '^driver .* version 0.1.0$' out || fail "$(cat out)"
grep -qE '^used_chunks +3 ' out || fail "$(cat out)"
grep -qE '^node 0: reserve of 8 chunks \(16M\), free 5 chunks \(10M\)$' out || fail "$(cat out)"
# Each parameter is shown with its value, its size and the description from the driver's source.
"$ctl" limits >out
grep -qE '^limit_chunks +512 chunks \(1024M\)$' out || fail "$(cat out)"
grep -A1 '^limit_chunks' out | grep -q 'all pools together may hold' || fail "$(cat out)"
for words in status limits reserve; do
	"$ctl" "$words" --json | python3 -c 'import json, sys; json.load(sys.stdin)' || fail "$words --json"
done

[ "$("$ctl" reserve)" = '8 chunks (16M), 5 chunks (10M) free' ] || fail "$("$ctl" reserve)"
[ "$("$ctl" reserve 6)" = '6 chunks (12M), 5 chunks (10M) free' ] || fail "$("$ctl" reserve)"
[ "$(cat $device/reserve_chunks $device/node0/reserve_chunks)" = '6
8' ] || fail "$(head $device/reserve_chunks $device/node0/reserve_chunks)"
[ "$("$ctl" reserve --node 0 7)" = '7 chunks (14M), 5 chunks (10M) free' ] || fail "$("$ctl" reserve --node 0)"
[ "$(cat $device/node0/reserve_chunks)" = 7 ] || fail "$(cat $device/node0/reserve_chunks)"
# Relative values and sizes. A negative reserve is refused and changes nothing.
while read -r words now; do
	"$ctl" reserve "$words" >out || fail "$words: $(cat out)"
	[ "$(cat $device/reserve_chunks)" = "$now" ] || fail "reserve $words: $(cat $device/reserve_chunks), not $now"
done <<'END'
+4 10
-3 7
+1G 519
-1G 7
16M 8
END
if "$ctl" reserve -9 2>said; then fail 'a reserve of less than nothing'; fi
grep -q 'the reserve has 8 chunks (16M), which is less than that' said || fail "$(cat said)"
[ "$(cat $device/reserve_chunks)" = 8 ] || fail 'a refusal has changed something'
if "$ctl" reserve --node 9 1 2>said; then fail 'a node that there is not'; fi
grep -q 'no NUMA node 9' said || fail "$(cat said)"

"$ctl" prometheus >out
grep -qx 'pinned_mem_loaded 1' out || fail "$(cat out)"
# Prometheus gets bytes, and limits together with what is used.
grep -qx "pinned_mem_used_bytes $((3 << 21))" out || fail "$(cat out)"
grep -qx "pinned_mem_limit_bytes $((512 << 21))" out || fail "$(cat out)"
grep -qx "pinned_mem_snapshot_bytes $((3 * $(getconf PAGESIZE)))" out || fail "$(cat out)"
grep -qx 'pinned_mem_info{version="0.1.0"} 1' out || fail "$(cat out)"
grep -qx "pinned_mem_node_reserve_free_bytes{node=\"0\"} $((5 << 21))" out || fail "$(cat out)"

# If the kernel refuses, a message says what to do.
rm $device/reserve_chunks
ln -s /dev/full $device/reserve_chunks
if "$ctl" reserve 4 2>said; then fail 'a refusal was not noticed'; fi
grep -q '^pinnedctl: the reserve stays as it was: No space' said || fail "$(cat said)"
is_one_line said || fail "$(cat said)"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects administrators: the script of pinned-mem-reserve.service sets the reserve of the machine
# or of NUMA nodes at boot, changes nothing without a setting, tries every entry, and fails with a
# message that says what to do. A folder imitates the driver's files in sysfs.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
set_reserve=$PINNED_SOURCE/src/tools/system/set-reserve
export PINNED_SYSFS=$PWD/sys
tree=sys/class/misc/pinned_mem

mkdir -p $tree/node0 $tree/node1
reset() { for folder in $tree $tree/node0 $tree/node1; do echo 8 >"$folder/reserve_chunks"; done; }
expect() {  # MACHINE NODE0 NODE1
	[ "$(cat $tree/reserve_chunks $tree/node0/reserve_chunks $tree/node1/reserve_chunks | tr '\n' ' ')" = "$1 $2 $3 " ] ||
		fail "not $*: $(head $tree/reserve_chunks $tree/node?/reserve_chunks)"
}
refuses() {  # SETTING MESSAGE
	if RESERVE_CHUNKS=$1 "$set_reserve" 2>said; then fail "\"$1\" was taken"; fi
	grep -qF "set-reserve: $2" said || fail "\"$1\": $(cat said)"
}

reset
RESERVE_CHUNKS='' "$set_reserve" || fail 'without a setting'
env -u RESERVE_CHUNKS "$set_reserve" || fail 'without the variable'
expect 8 8 8
RESERVE_CHUNKS=512 "$set_reserve" || fail 'a number'
expect 512 8 8
RESERVE_CHUNKS='0:3 1:0' "$set_reserve" || fail 'nodes'
expect 512 3 0

# The installed default file sets nothing, and a shell and systemd read it alike.
reset
( . "$PINNED_SOURCE/src/tools/system/pinned-mem.default" && export RESERVE_CHUNKS && "$set_reserve" ) || fail 'the default'
expect 8 8 8

for wrong in many -1 0x10 1: :1 1:2:3 0:-4 '*' 1,2; do
	refuses "$wrong" "RESERVE_CHUNKS: \"$wrong\" is neither"
	expect 8 8 8
done
refuses '7:1 0:5' 'node 7 has no reserve'
expect 8 5 8

# If the kernel refuses an entry, that node keeps its reserve, and the other entries are still
# carried out.
rm $tree/node1/reserve_chunks
ln -s /dev/full $tree/node1/reserve_chunks
refuses '1:99 0:6' 'node 1 keeps its reserve: '
[ "$(cat $tree/node0/reserve_chunks)" = 6 ] || fail 'an entry after a refused one was left out'
rm -r sys
refuses 4 'the machine has no reserve: there is no '

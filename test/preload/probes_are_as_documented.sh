#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of tracing tools: the library has exactly the probes that doc/tracing.md names,
# each with as many arguments; none is in the fast path of malloc and free; and a debugger stops at
# them.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need readelf gdb objdump
shim=$PINNED_BUILD/lib/libmalloc-pinned.so

# NAME ARGUMENTS
readelf -n "$shim" | awk '$1 == "Name:" { name = $2 } $1 == "Arguments:" { print name, NF - 1 }' | sort -u >there
awk -F '|' '/^## /{ is_ours = /library/ } is_ours && /^\| `/ {
	gsub(/[` ]/, "", $2); gsub(/\([^)]*\)/, "", $4); print $2, split($4, parts, ",") }' \
	"$PINNED_SOURCE/doc/tracing.md" | sort >told
[ "$(wc -l <told)" -ge 9 ] || fail "doc/tracing.md: $(cat told)"
diff told there || fail 'doc/tracing.md tells of other probes than there are'
readelf -n "$shim" | grep -q 'Provider: pinned' || fail 'no provider pinned'

# No probe lies between the beginning and the end of malloc or of free.
readelf -n "$shim" | sed -n 's/^ *Location: 0x0*\([0-9a-f]*\),.*/\1/p' >places
readelf -sW "$shim" | awk '($8 == "malloc" || $8 == "free") && $7 != "UND" { print $8, $2, $3 }' >functions
[ "$(sort -u functions | wc -l)" -ge 2 ] || fail "malloc and free: $(cat functions)"
while read -r name start size; do
	while read -r place; do
		if [ $((0x$place)) -ge $((0x$start)) ] && [ $((0x$place)) -lt $((0x$start + size)) ]; then
			fail "a probe at $place, in $name"
		fi
	done <places
done <functions

# A debugger stops where a large object is allocated, and shows the size.
# shellcheck disable=SC2016 # for gdb
gdb -nx -batch -ex 'set breakpoint pending on' -ex "set environment LD_PRELOAD $shim" \
	-ex 'set environment MALLOC_PINNED_CONF backend:anon' -ex 'set startup-with-shell off' \
	-ex 'break -probe-stap pinned:large_alloc' -ex run -ex 'print $_probe_arg1' -ex kill \
	"$programs/watched" >out 2>&1 || true
if grep -q 'ptrace: Operation not permitted\|Could not trace the inferior' out; then skip 'processes may not be traced here'; fi
grep -q ' = 9437184$' out || fail "$(cat out)"

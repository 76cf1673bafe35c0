#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs under resource limits: the limits count a process on pinned memory as they count
# any other process. An idle process maps little; mlockall() locks no more than the memory that the
# process has; and after a running program lowers its limit on address space or data, only requests
# that do not fit fail (Faults E1, E2, E3, E4).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

program=$programs/process_limits
# The device backend maps a whole region at once.
region_kib=0
[ "${TEST_BACKEND:-anon}" = anon ] || region_kib=32768

# of KEY FILE [LINE]: prints a figure that the program has printed.
of() {
	sed -n "${3:-1}p" "$2" | tr ' ' '\n' | sed -n "s/^$1=//p"
}

# both ARG...: runs the program without the library into the file plain, and with it into out.
both() {
	"$program" "$@" >plain 2>plain.err || fail "$*: without the library: $(cat plain.err)"
	"${pinned[@]}" --quiet -- "$program" "$@" >out 2>err || fail "$*: exit status $?: $(cat err)"
	[ "$(without_report err)" = '' ] || fail "$*: $(cat err)"
	echo "$*: without the library: $(tr '\n' ' ' <plain) with it: $(tr '\n' ' ' <out)"
}

# at_most WHAT VALUE LIMIT
at_most() {
	[ "$2" -le "$3" ] || fail "$1: $2 is more than $3: $(cat plain out)"
}

both idle
at_most 'address space of an idle process, KiB' "$(of size out)" \
	$(($(of size plain) + region_kib + $(of chunks out) + 16384))
# Under strict overcommit the kernel charges a process for its data segment.
at_most 'data of an idle process, KiB' "$(of data out)" $(($(of data plain) + $(of chunks out) + 1024))

# What strict overcommit charges an idle process. Only in a guest, because the setting applies to
# the whole machine.
committed() {
	awk '/^Committed_AS:/ { print $2 }' /proc/meminfo
}

told() {
	[ -s told ]
}

# charge COMMAND...: writes the KiB that the command is charged into the file charge.
charge() {
	local before pid
	rm -f told
	before=$(committed)
	"$@" >told 2>err &
	pid=$!
	wait_until told
	charge=$(($(committed) - before))
	kill "$pid"
	wait "$pid" || true
}

strict=/proc/sys/vm/overcommit_memory
if [ "${TEST_BACKEND:-anon}" = device ] && [ -w $strict ]; then
	trap 'echo 0 >$strict' EXIT
	echo 2 >$strict
	charge "$program" wait
	plain_charge=$charge
	charge env LD_PRELOAD="$PINNED_BUILD/lib/libmalloc-pinned.so" MALLOC_PINNED_CONF=backend:device "$program" wait
	echo "charged with strict overcommit: without the library $plain_charge KiB, with it $charge KiB"
	at_most 'charge of an idle process, KiB' "$charge" $((plain_charge + 4096))
	both idle
	echo 0 >$strict
fi

both locked
for line in 1 2; do
	at_most 'memory of a process that locks it, KiB' "$(of rss out $line)" $(($(of rss plain $line) + 4096))
done

# Without the capability to lock memory, a user may lock 64 MiB.
unprivileged=()
[ "$(id -u)" -ne 0 ] || unprivileged=(setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock)
if prlimit --memlock=67108864:67108864 true 2>err; then
	"${unprivileged[@]}" prlimit --memlock=67108864:67108864 "${pinned[@]}" -- "$program" locked >out 2>err ||
		fail "locked, unprivileged: exit status $?: $(cat err)"
	[ "$(without_report err)" = '' ] || fail "locked, unprivileged: $(cat err)"
	used_pinned err process_limits
fi

for limit in 'as 64' 'data 64' 'as 200' 'data 200'; do
	read -r -a words <<<"$limit"
	both "${words[@]}"
	[ "$(of served out)" -ge $(($(of served plain) * 9 / 10)) ] ||
		fail "$limit: served $(of served out) where it is $(of served plain) without the library"
done

# The first request that does not fit prints a message.
"${pinned[@]}" -- "$program" as 64 >out 2>err || fail "as 64: exit status $?: $(cat err)"
[ "$(without_report err | grep -c 'raise RLIMIT_AS')" -eq 1 ] || fail "as 64: $(cat err)"

# Python and bash go on after they lower their own limits.
pinned+=(--quiet)
same python3 python3 -c '
import resource
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + (256 << 20),) * 2)
import json, threading, mmap
thread = threading.Thread(target=lambda: print("thread"))
thread.start()
thread.join()
print(len(mmap.mmap(-1, 1 << 20)), json.dumps([1]))
try:
    bytearray(1 << 30)
except MemoryError:
    print("MemoryError")'
# shellcheck disable=SC2016 # for the inner shell
same bash bash -c 'ulimit -v 400000; seq 3 | while read -r i; do echo "$i $(echo "$i" | tr 123 abc)"; done'

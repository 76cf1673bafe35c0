#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects administrators of a system in which processes still run with an older or a newer library:
# pinnedctl names the version that it met, still shows the other processes, shows figures that it
# does not know, and never ends in a traceback (Faults E16). The test uses libraries whose bytes it
# has changed.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need python3
ctl=$PINNED_BUILD/pinnedctl
library=$PINNED_BUILD/lib/libmalloc-pinned.so

mkfifo ready
# start LIBRARY: starts a process with this library, which idles until descriptor 9 is closed, and
# sets $pid.
mkfifo input
exec 9<>input
start() {
	LD_PRELOAD=$PWD/$1 MALLOC_PINNED_CONF=backend:anon "$programs/watched" <input >/dev/null 3>/dev/null 4>ready 2>>err 9>&- &
	pid=$!
	[ "$(head -c 1 ready)" = x ] || fail "it did not get ready: $(cat err)"
}

# doctor FOLDER PYTHON: makes a copy of the library and changes its bytes by a Python expression.
doctor() {
	mkdir "$1"
	python3 - "$library" "$1/libmalloc-pinned.so" "$2" <<'END'
import sys
data = open(sys.argv[1], "rb").read()

def replace(old, new):
    global data
    assert len(old) == len(new) and data.count(old) == 1, (old, data.count(old))
    data = data.replace(old, new)

def entry(name):
    return name + bytes(48 - len(name))

exec(sys.argv[3])
open(sys.argv[2], "wb").write(data)
END
}

mkdir plain
cp "$library" plain/
doctor older 'replace(entry(b"pn_slab.size"), entry(b"pn_slab.ziss")); replace(entry(b"version"), entry(b"noisrev"))'
doctor newer 'replace(entry(b"schema") + (1).to_bytes(8, "little"), entry(b"schema") + (2).to_bytes(8, "little"))'
# Replaces names by others of the same length: a figure that no pinnedctl knows, and one that it
# cannot count.
doctor more 'replace(b"raw_bytes pn_heap.stats", b"new_bytes pn_heap.stats"); replace(b"count:caches", b"count:pumpkin"[:12])'

start plain/libmalloc-pinned.so
good=$pid
start older/libmalloc-pinned.so
older=$pid
start newer/libmalloc-pinned.so
newer=$pid
start more/libmalloc-pinned.so
more=$pid

# refused PID MESSAGE COMMAND...: checks that the command fails with one line that names the library
# and the reason.
refused() {
	local status=0 of=$1 message=$2
	shift 2
	"$ctl" "$@" "$of" >out 2>said || status=$?
	[ "$status" -eq 1 ] || fail "$*: exit status $status: $(cat out said)"
	is_one_line said || fail "$*: $(cat said)"
	grep -q "^pinnedctl: process $of: .*/libmalloc-pinned.so, version .*$message.*; use the pinnedctl of that version$" said ||
		fail "$*: $(cat said)"
}
for command in 'stats' 'stats --json' 'map' 'prometheus'; do
	# shellcheck disable=SC2086
	refused "$older" 'unknown, does not tell pn_slab.size' $command
	# shellcheck disable=SC2086
	refused "$newer" 'has schema 2, and this pinnedctl understands schema 1' $command
done

# Such a process does not hide the others: these are in the tables, and the two refused ones are
# named.
"$ctl" top >out 2>said || fail "top: $(cat out said)"
for pid in "$good" "$more"; do grep -q "^ *$pid .* watched " out || fail "$(cat out)"; done
for pid in "$older" "$newer"; do grep -q "^process $pid: .*version" out || fail "$(cat out)"; done
"$ctl" prometheus >out 2>said || fail "prometheus: $(cat out said)"
[ ! -s said ] || fail "$(cat said)"
for pid in "$good" "$more"; do grep -q "^pinned_process_chunk_bytes{pid=\"$pid\"" out || fail "$(cat out)"; done
count=$(sed -n 's/^pinned_processes{state="other_version"} //p' out)
[ "$count" -ge 2 ] || fail "$(cat out)"
status=0
"$ctl" stats "$good" "$older" 999999999 "$more" >out 2>said || status=$?
[ "$status" -eq 1 ] || fail "stats of several: exit status $status"
[ "$(grep -c '^watched (' out)" -eq 2 ] || fail "$(cat out)"
[ "$(wc -l <said)" -eq 2 ] || fail "$(cat said)"

# Every output contains the newer library's figure; a figure that pinnedctl cannot count is left
# out.
"$ctl" stats "$more" >out
grep -qE '^  new_bytes +6144K +3  Raw chunks' out || fail "$(cat out)"
! grep -q '^  caches ' out || fail "$(cat out)"
"$ctl" prometheus "$more" >out
grep -q "^pinned_process_new_bytes{pid=\"$more\",.*} 6291456$" out || fail "$(cat out)"
"$ctl" top --columns chunk_bytes,new_bytes --sort new_bytes >out
grep -qE "^ *$more .* 6144K$" out || fail "$(cat out)"
grep -qE "^ *$good .* -$" out || fail "$(cat out)"

# Whatever the table of names contains, pinnedctl shows figures or one reason, and raises no other
# exception.
python3 - "$PINNED_BUILD/pinnedctl.d" "$good" <<'END' || fail 'a layout that makes no sense is not understood as such'
import os
import sys

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import memory
import picture
import readings
import tables
from trouble import Trouble

pid = int(sys.argv[2])
writable = os.open(f"/proc/{pid}/mem", os.O_RDWR)
with memory.Process(pid) as process:
    entries = dict(process.layout.entries)
    places = {}
    for first, last, _, path in process.maps:
        if memory.is_library(path):
            data = os.pread(writable, last - first, first)
            for name, (value, size) in entries.items():
                key = name.encode().ljust(48, b"\0") + value.to_bytes(8, "little")
                key += size.to_bytes(8, "little")
                at = data.find(key)
                if at >= 0:
                    places[name] = first + at + 48
assert len(places) == len(entries), entries.keys() - places.keys()
outcomes = {True: 0, False: 0}
for name, place in places.items():
    before = os.pread(writable, 16, place)
    value, size = entries[name]
    for word in (0, 1, value + 1, 1 << 20, 1 << 40, (1 << 64) - 1):
        for offset in (0, 8):
            os.pwrite(writable, word.to_bytes(8, "little"), place + offset)
            try:
                list(tables.of_process(readings.of(pid)))
                with memory.watched(pid) as process:
                    list(picture.draw(process))
                outcomes[True] += 1
            except Trouble as trouble:
                assert str(trouble), name
                outcomes[False] += 1
            os.pwrite(writable, before, place)
print(outcomes)
assert outcomes[True] and outcomes[False]
END
"$ctl" stats "$good" >out || fail "the process is as it was: $(cat out)"
exec 9>&-
wait

#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that lock their memory and allocate from several threads: memcached -k answers on
# pinned memory as it does without the shim (Faults E2).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need memcached python3

cat >client.py <<'CLIENT'
import socket, sys, threading, zlib

def talk(n, out):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect("socket")
    f = s.makefile("rwb")
    total = 0
    for i in range(800):
        value = (b"%d:%d," % (n, i)) * (1 + i % 300)
        f.write(b"set k%d-%d 0 0 %d\r\n%s\r\n" % (n, i % 400, len(value), value))
        f.flush()
        assert f.readline() == b"STORED\r\n"
        f.write(b"get k%d-%d\r\n" % (n, i % 400))
        f.flush()
        head = f.readline().split()
        total = zlib.crc32(f.read(int(head[3]) + 2), total)
        assert f.readline() == b"END\r\n"
    out[n] = total

out = {}
threads = [threading.Thread(target=talk, args=(n, out)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print(sorted(out.items()))
CLIENT

user=()
[ "$(id -u)" != 0 ] || user=(-u root)
answers() { [ -S socket ] && python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("socket")' 2>/dev/null; }

serve() {  # NAME COMMAND...
	local name=$1 server
	shift
	"$@" memcached -k -m 24 -t 4 -s ./socket "${user[@]}" >"$name.log" 2>"$name.err" </dev/null &
	server=$!
	wait_until answers
	python3 client.py
	kill -INT "$server"
	wait "$server" || true # it ends by the signal
	rm -f socket
}

serve plain env >plain.out
serve pinned "${pinned[@]}" >pinned.out
diff plain.out pinned.out || fail 'answers differ'
grep -q '(3, ' pinned.out || fail "no answers: $(cat pinned.err)"
diff <(grep -v '^pinned: report' plain.err) <(without_report pinned.err) || fail 'stderr differs'
used_pinned pinned.err memcached

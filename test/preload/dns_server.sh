#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects servers that are built on liburcu, whose threads wait on shared futexes in allocated
# memory: the DNS server knot, which loads a zone anew while it answers, behaves on pinned memory as
# it does without the shim (Faults C1).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need knotd knotc dig python3

print_zone() {  # SERIAL
	echo "\$ORIGIN test.
\$TTL 60
@ SOA ns.test. root.test. $1 3600 600 86400 60
@ NS ns.test.
ns A 127.0.0.1"
	seq -f "host%.0f A 10.0.$(($1 % 250)).1" 3000
}

call() { knotc -s "$PWD/knot.sock" -t 60 "$@"; }
ask() { dig @127.0.0.1 -p "$port" +tries=3 +time=20 +short "$@"; }
# Dig prints its errors among the answers.
is_serial() { ask soa test. | grep -q " $1 "; }

session() {  # SERIAL
	local i
	ask soa test.
	for i in 1 1500 3000; do ask "host$i.test." a; done
	seq -f 'host%.0f.test. A' 400 >questions
	ask -f questions | sort | uniq -c
	ask +tcp axfr test. | sort | cksum
}

serve() {  # NAME COMMAND...
	local name=$1 server serial
	shift
	port=$(free_port)
	rm -rf state && mkdir state
	print_zone 1 >zone
	cat >knot.conf <<CONF
server:
    rundir: $PWD/state
    listen: 127.0.0.1@$port
    udp-workers: 2
    tcp-workers: 2
    background-workers: 2
control:
    listen: $PWD/knot.sock
database:
    storage: $PWD/state
    journal-db-max-size: 16M
    kasp-db-max-size: 16M
    timer-db-max-size: 8M
    catalog-db-max-size: 8M
log:
  - target: stderr
    any: error
acl:
  - id: here
    address: 127.0.0.1
    action: transfer
zone:
  - domain: test
    file: $PWD/zone
    zonefile-load: whole
    journal-content: none
    acl: here
CONF
	"$@" knotd -c "$PWD/knot.conf" >"$name.log" 2>"$name.err" </dev/null &
	server=$!
	wait_until is_serial 1
	session
	for serial in 2 3 4; do
		print_zone "$serial" >zone
		call zone-reload test. >/dev/null
		wait_until is_serial "$serial"
		session
	done
	call stop >/dev/null
	wait "$server" || fail "knotd under $*: exit status $?: $(tail "$name.err")"
}

serve plain env >plain.out
serve pinned "${pinned[@]}" >pinned.out
diff plain.out pinned.out || fail 'answers differ'
without_report pinned.err | diff plain.err - || fail 'stderr differs'
used_pinned pinned.err knotd

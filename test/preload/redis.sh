#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects servers that are linked to an allocator of their own: redis runs on pinned memory, and
# serves, takes snapshots by fork and replicates as it does without the shim (Faults B13, B16).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need redis-server redis-cli redis-benchmark

call() {
	redis-cli -s ./socket "$@"
}

answers() { call ping >/dev/null 2>&1; }
is_saved() { call info persistence | grep -q '^rdb_bgsave_in_progress:0'; }

# serve NAME command...: starts the server by the command, runs a session and ends the server.
serve() {
	local name=$1 server
	shift
	"$@" redis-server --port 0 --unixsocket ./socket --save '' --dir . \
		--enable-debug-command local --io-threads 2 --daemonize no \
		>"$name.log" 2>"$name.err" </dev/null &
	server=$!
	wait_until answers
	redis-benchmark -s ./socket -q -n 20000 -c 20 -P 8 -r 5000 -t set,get,lpush,hset,zadd,lrange_100 \
		>"$name.benchmark" || fail "redis-benchmark under $*: exit status $?"
	call flushall
	for ((i = 1; i <= 3000; i++)); do
		echo "set key:$i $(printf '%0*d' $((i % 400 + 1)) "$i")"
		echo "rpush list:$((i % 50)) item$i"
		echo "zadd sorted:$((i % 7)) $((i * 7919 % 1009)) member$i"
		echo "append long:$((i % 3)) 0123456789abcdef"
	done | call | sort | uniq -c
	call bgsave >/dev/null
	for ((i = 1; i <= 3000; i += 2)); do echo "del key:$i"; done | call | sort | uniq -c
	wait_until is_saved
	call zrange sorted:3 0 20 withscores
	call lrange list:7 -10 -1
	call info persistence | grep '^rdb_last_bgsave_status'
	call debug digest
	call debug reload
	call debug digest
	call dbsize
	call shutdown nosave
	wait "$server" || fail "redis-server under $*: exit status $?: $(tail "$name.log")"
}

serve plain env >plain.out
serve pinned "${pinned[@]}" >pinned.out
diff plain.out pinned.out || fail 'answers differ'
without_report pinned.err | diff plain.err - || fail 'stderr differs'
used_pinned pinned.err redis-server

#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects web servers with worker processes: nginx with two workers, which are replaced while it
# serves, behaves on pinned memory as it does without the shim (Faults B12, B13).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need nginx curl

mkdir root
echo 'hello from nginx' >root/small.txt
seq 400000 >root/large.txt
nginx_settings 2 >nginx.conf <<'CONF'
	gzip on;
	gzip_types text/plain;
	default_type text/plain;
	server {
		listen unix:./front;
		location / { root root; autoindex on; }
		location /again/ { proxy_pass http://unix:./front:/; }
		location /moved { return 302 /small.txt; }
	}
CONF

get() {
	curl -sS --unix-socket ./front "$@"
}

answers() { get -o answer http://server/small.txt 2>/dev/null; }
workers_are_new() { [ -n "$(pgrep -P "$1")" ] && [ -z "$(comm -12 <(pgrep -P "$1" | sort) workers)" ]; }

session() {
	local i
	for i in $(seq 30); do
		get http://server/small.txt
	done
	for i in 1 2 3 4; do
		get -r "$i-" http://server/large.txt | cksum
		get --compressed http://server/large.txt | cksum
		get http://server/again/again/large.txt | cksum
	done
	get -r 100000-200000 http://server/large.txt | cksum
	get http://server/nothing http://server/moved http://server/
	get -d @root/large.txt http://server/small.txt
	seq 40 | xargs -P 8 -I{} curl -sS --unix-socket ./front -o body.{} http://server/again/large.txt
	cksum body.* | cut -d' ' -f1,2 | uniq -c
}

serve() {
	local name=$1 server
	shift
	"$@" nginx -e stderr -p "$PWD" -c nginx.conf >"$name.log" 2>"$name.err" </dev/null &
	server=$!
	wait_until answers
	session
	pgrep -P "$server" | sort >workers
	kill -HUP "$server"
	wait_until workers_are_new "$server"
	session
	kill -QUIT "$server"
	wait "$server" || fail "nginx under $*: exit status $?: $(tail "$name.err")"
	rm -f front body.*
}

# Prints the messages that are not notices, without time, process and connection.
complaints() {
	without_report "$1" | grep -v '\[notice\]' | sed -E 's/^[^[]*//; s/[0-9]+#[0-9]+: \*[0-9]+ //'
}

serve plain env >plain.out
serve pinned "${pinned[@]}" >pinned.out
diff plain.out pinned.out || fail 'answers differ'
diff <(complaints plain.err) <(complaints pinned.err) || fail 'stderr differs'
used_pinned pinned.err nginx

#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects web servers that fork their workers in advance: apache with the prefork module, whose
# workers are replaced while it serves, behaves on pinned memory as it does without the shim
# (Faults C3, C4, E6).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need apache2 curl ab python3

mkdir -p root logs
echo 'hello from apache' >root/small.txt
seq 200000 >root/large.txt
chmod -R a+rX .
# Workers of root run as another user, who may open the device if there is one.
user=''
if [ "$(id -u)" = 0 ]; then
	user=$'User nobody\nGroup '#$(stat -c %g /dev/pinned_mem 2>/dev/null || id -g nobody)
fi
modules=/usr/lib/apache2/modules
cat >apache.conf <<CONF
ServerRoot $PWD
ServerName server
PidFile $PWD/apache.pid
DefaultRuntimeDir $PWD
Mutex fcntl:$PWD
$user
LoadModule mpm_prefork_module $modules/mod_mpm_prefork.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule mime_module $modules/mod_mime.so
LoadModule dir_module $modules/mod_dir.so
LoadModule autoindex_module $modules/mod_autoindex.so
LoadModule deflate_module $modules/mod_deflate.so
LoadModule status_module $modules/mod_status.so
TypesConfig /dev/null
StartServers 4
MinSpareServers 4
MaxSpareServers 8
MaxRequestWorkers 32
MaxConnectionsPerChild 60
ErrorLog $PWD/logs/error
LogLevel error
Listen 127.0.0.1:PORT
DocumentRoot $PWD/root
SetOutputFilter DEFLATE
<Directory $PWD/root>
	Options Indexes
	IndexOptions Charset=utf-8
	Require all granted
</Directory>
CONF

get() { curl -sS --max-time 60 "$@"; }
answers() { get -o answer "$url/small.txt" 2>/dev/null; }

session() {
	local i
	for i in 1 2 3 4; do
		get "$url/small.txt"
		get -r "$i-" "$url/large.txt" | cksum
		get --compressed "$url/large.txt" | cksum
	done
	get "$url/nothing" | cksum
	get "$url/" | sed 's/[0-9]*-[0-9]*-[0-9]* [0-9:]*//' | cksum
	ab -q -k -c 6 -n 400 "$url/small.txt" | grep -E '^(Complete|Failed|Non-2xx|Document Length)'
}

# At its end apache sends SIGTERM to its whole process group, which thus must not be the test's.
serve() {  # NAME COMMAND...
	local name=$1 port status=0
	shift
	port=$(free_port)
	url=http://127.0.0.1:$port
	sed "s/PORT/$port/" apache.conf >run.conf
	setsid "$@" apache2 -D FOREGROUND -f "$PWD/run.conf" >"$name.log" 2>"$name.err" </dev/null &
	server=$!
	wait_until answers
	session
	workers "$server" >before
	kill -USR1 "$server"
	wait_until is_renewed "$server"
	session
	kill -TERM "$server"
	wait "$server" || status=$?
	[ "$status" -eq 0 ] || fail "apache2 under $*: exit status $status: $(tail "$name.err" logs/error)"
	! grep -v ':notice\]' logs/error >&2 || fail "apache2 under $* complains"
	rm logs/error
}

serve plain env >plain.out
serve pinned "${pinned[@]}" >pinned.out
diff plain.out pinned.out || fail 'answers differ'
without_report pinned.err | diff plain.err - || fail 'stderr differs'
used_pinned pinned.err apache2

#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects PHP, which opens its extensions with RTLD_DEEPBIND: PHP runs on pinned memory with all
# extensions that Debian installs, and so does php-fpm with its bytecode cache behind a web server,
# while workers are replaced (Faults E33).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need php nginx curl
for fpm in /usr/sbin/php-fpm*; do :; done
[ -x "$fpm" ] || skip 'php-fpm is not installed'

cat >use.php <<'PHP'
<?php
$words = [];
for ($i = 0; $i < 20000; $i++)
	$words[] = mb_strtoupper(str_repeat(chr(97 + $i % 26), $i % 300 + 1));
$document = new DOMDocument();
$root = $document->appendChild($document->createElement('words'));
foreach (array_slice($words, 0, 500) as $word)
	$root->appendChild($document->createElement('word', $word));
$again = simplexml_load_string($document->saveXML());
$found = preg_match_all('/Z+/', implode(' ', $words));
$sorted = $words;
sort($sorted);
echo count($again->word), ' ', $found, ' ', md5(serialize($sorted)), ' ', strlen(json_encode($words)), "\n";
echo iconv('UTF-8', 'ISO-8859-1', 'abc'), ' ', filter_var('a@b.example', FILTER_VALIDATE_EMAIL), "\n";
echo implode(' ', get_loaded_extensions()), "\n";
gc_collect_cycles();
PHP
same php php use.php
[ "$(wc -w <pinned.out)" -ge 25 ] || fail "few extensions are installed: $(cat pinned.out)"

mkdir root
cp use.php root/
cat >root/small.php <<'PHP'
<?php
echo strrev($_GET['word'] ?? 'nothing'), ' ', ini_get('opcache.enable'), "\n";
PHP
cat >fpm.conf <<CONF
[global]
pid = $PWD/fpm.pid
error_log = $PWD/fpm.log
daemonize = no
[www]
$([ "$(id -u)" -ne 0 ] || printf 'user = root\ngroup = root\n')
listen = $PWD/fpm.socket
pm = dynamic
pm.max_children = 4
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 3
pm.max_requests = 20
php_admin_value[opcache.enable] = 1
CONF
nginx_settings 1 >nginx.conf <<CONF
	server {
		listen unix:./front;
		root root;
		location ~ \\.php\$ {
			fastcgi_pass unix:$PWD/fpm.socket;
			fastcgi_param SCRIPT_FILENAME $PWD/root\$fastcgi_script_name;
			fastcgi_param QUERY_STRING \$query_string;
			fastcgi_param REQUEST_METHOD \$request_method;
		}
	}
CONF

# Do fewer rounds in an emulated guest, where a request takes a second.
rounds=60
[ "${TEST_BACKEND:-anon}" = anon ] || rounds=20
get() { curl -sS --unix-socket ./front "$@"; }
answers() { [ "$(get http://server/small.php 2>/dev/null)" = 'gnihton 1' ]; }
serve() {
	local name=$1 server web i
	shift
	rm -f front fpm.socket
	"$@" "$fpm" -R -y fpm.conf >"$name.log" 2>"$name.err" </dev/null &
	server=$!
	nginx -e stderr -p "$PWD" -c nginx.conf >web.log 2>&1 </dev/null &
	web=$!
	wait_until answers
	for i in $(seq $rounds); do
		get "http://server/small.php?word=number$i"
		[ $((i % 10)) -ne 0 ] || get http://server/use.php
	done
	seq $((rounds * 2)) | xargs -P 8 -I{} curl -sS --unix-socket ./front -o body.{} 'http://server/small.php?word={}'
	cat body.* | sort | cksum
	workers "$server" >before
	kill -USR2 "$server" # starts itself anew; a signal before the new program handles it would kill
	wait_until is_renewed "$server"
	wait_until answers
	get http://server/use.php
	kill -QUIT "$(cat fpm.pid)"
	wait "$server" || fail "php-fpm under $*: exit status $?: $(tail -n 5 "$name.err" fpm.log)"
	kill -QUIT "$web"
	wait "$web" || fail "nginx: $(tail -n 5 web.log)"
	! grep -iE 'SIGSEGV|SIGABRT|exited on signal' fpm.log || fail 'a worker died'
	rm -f body.*
}
serve plain env >plain.out
serve pinned "${pinned[@]}" >pinned.out
diff plain.out pinned.out || fail 'answers differ'
grep -q "program=$(basename "$fpm" | cut -c1-15)" pinned.err || fail "php-fpm was not on pinned memory: $(tail -n 5 pinned.err)"
! grep -E '^pinned: [a-z_]*\(' pinned.err || fail 'php-fpm misused memory'

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: postgresql, nginx and redis, started and stopped by systemd, work as without the library
# (Faults B16).
. "$(dirname "$0")/../guest-common"
chmod 755 .
for unit in postgresql@15-main nginx redis-server; do
	systemctl is-active -q "$unit" || fail "$unit does not run"
	has_library "$(main_pid "$unit")" || fail "$unit does not have the library"
done
echo 'CREATE TABLE IF NOT EXISTS t (n int, s text); INSERT INTO t SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 20000) i;
	SELECT count(DISTINCT s), sum(length(s)) FROM t; SELECT string_agg(n::text, s ORDER BY s) IS NOT NULL FROM t; DROP TABLE t;' >statements
runuser -u postgres -- psql -qAtX -v ON_ERROR_STOP=1 <statements >out 2>err || fail "psql: $(cat err)"
[ "$(tr '\n' ' ' <out)" = '20000|12800000 t ' ] || fail "psql: $(cat out)"

head -c 3000000 /dev/urandom >/var/www/html/blob
for _ in 1 2 3 4 5; do
	curl -sf http://127.0.0.1/blob >blob || fail 'nginx does not serve'
	cmp blob /var/www/html/blob
done
systemctl reload nginx

redis-cli debug jmap >/dev/null 2>&1 || true
for i in $(seq 200); do echo "SET key:$i $(printf '%0*d' $((i * 50)) "$i")"; done | redis-cli --pipe >out || fail "redis: $(cat out)"
grep -q 'errors: 0, replies: 200' out || fail "redis: $(cat out)"
[ "$(redis-cli strlen key:150)" = 7500 ] || fail 'redis has lost something'
redis-cli save >/dev/null
systemctl restart postgresql nginx redis-server || fail 'a restart fails'
is_up() { [ "$(redis-cli strlen key:150 2>/dev/null)" = 7500 ]; }
wait_until is_up

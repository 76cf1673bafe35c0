#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects database servers with a process for each connection, and with a thread for each:
# postgresql and mariadb answer on pinned memory as they do without the shim (Faults C1, E6, E7).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | tail -n 1)
PATH=$PATH:$bin
need postgres initdb psql mariadbd mariadb mariadb-install-db

# Postgresql refuses to run as root. The other user gets the device's group, if there is a device.
as_user=()
if [ "$(id -u)" = 0 ]; then
	group=65534
	[ "${TEST_BACKEND:-anon}" != device ] || group=$(stat -c %g /dev/pinned_mem)
	as_user=(setpriv --reuid 65534 --regid "$group" --clear-groups)
	chmod a+rwx .
	# The other user may be unable to enter the folders above the test's own, but can enter /tmp.
	rm -rf "/tmp/pinned-db.$$" && mkdir -m 777 "/tmp/pinned-db.$$" && cd "/tmp/pinned-db.$$"
	trap 'cd / && rm -rf "/tmp/pinned-db.$$"' EXIT
fi

queries() {
	echo 'create table t (id int primary key, v varchar(200), n bigint);'
	for i in $(seq 400); do
		echo "insert into t values ($i, '$(printf '%0*d' $((i % 180 + 1)) "$i")', $((i * 7919 % 1009)));"
	done
	echo 'select count(*), sum(n), min(v), max(v) from t;'
	echo 'select n % 10 as d, count(*), max(id) from t group by n % 10 order by d;'
	echo 'select a.id, b.id from t a join t b on a.n = b.n + 1 order by a.id, b.id limit 20;'
	echo 'update t set v = concat(v, v) where id % 3 = 0 and length(v) < 90;'
	echo 'delete from t where id % 7 = 0;'
	echo 'select count(*), sum(length(v)) from t;'
}
queries >queries.sql
count='select count(*), sum(n) from t;'

postgres_session() {
	local sql=("${as_user[@]}" psql -h "$PWD" -d postgres -X -q -A -t)
	"${sql[@]}" -f queries.sql
	seq 12 | xargs -P 4 -I{} "${sql[@]}" -c "$count" | sort | uniq -c
	"${sql[@]}" -c 'drop table t;'
}
postgres_answers() { "${as_user[@]}" psql -h "$PWD" -d postgres -X -c 'select 1' >/dev/null 2>&1; }

serve_postgres() {  # NAME COMMAND...
	local name=$1 server
	shift
	"${as_user[@]}" "$@" postgres -D "$PWD/pg" -k "$PWD" -c listen_addresses= -c fsync=off -c log_min_messages=fatal \
		>"$name.log" 2>"$name.err" </dev/null &
	server=$!
	wait_until postgres_answers
	postgres_session
	kill -TERM "$server"
	wait "$server" || fail "postgres under $*: exit status $?: $(tail "$name.err")"
}

mariadb_session() {
	local sql=(mariadb --no-defaults -S "$PWD/maria.sock" -u root -N)
	"${sql[@]}" -e 'create database d;'
	"${sql[@]}" d <queries.sql
	seq 12 | xargs -P 4 -I{} "${sql[@]}" d -e "$count" | sort | uniq -c
	"${sql[@]}" -e 'drop database d;'
}
mariadb_answers() { mariadb --no-defaults -S "$PWD/maria.sock" -u root -e 'select 1' >/dev/null 2>&1; }

serve_mariadb() {  # NAME COMMAND...
	local name=$1 server
	shift
	"$@" mariadbd --no-defaults "${user[@]}" --datadir="$PWD/maria" --socket="$PWD/maria.sock" --pid-file="$PWD/maria.pid" \
		--skip-networking --skip-grant-tables --innodb-buffer-pool-size=16M --innodb-flush-log-at-trx-commit=0 \
		--log-warnings=0 >"$name.log" 2>"$name.err" </dev/null &
	server=$!
	wait_until mariadb_answers
	mariadb_session
	kill -TERM "$server"
	wait "$server" || fail "mariadbd under $*: exit status $?: $(tail "$name.err")"
}

"${as_user[@]}" "$bin/initdb" -D "$PWD/pg" -A trust -N >initdb.log 2>&1 || fail "initdb: $(tail initdb.log)"
serve_postgres pg-plain env >pg-plain.out
serve_postgres pg-pinned "${pinned[@]}" >pg-pinned.out
diff pg-plain.out pg-pinned.out || fail 'the answers of postgres differ'
used_pinned pg-pinned.err postgres

user=()
[ "$(id -u)" != 0 ] || user=(--user=root)
mariadb-install-db --no-defaults "${user[@]}" --datadir="$PWD/maria" --skip-test-db >install.log 2>&1 ||
	fail "mariadb-install-db: $(tail install.log)"
serve_mariadb my-plain env >my-plain.out
serve_mariadb my-pinned "${pinned[@]}" >my-pinned.out
diff my-plain.out my-pinned.out || fail 'the answers of mariadbd differ'
used_pinned my-pinned.err mariadbd

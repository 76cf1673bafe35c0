#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects Python servers that load the application, freeze the heap and then fork workers: gunicorn
# with four workers behaves on pinned memory as it does without the shim (Faults C3, C4).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need gunicorn curl

cat >application.py <<'APP'
import gc, hashlib, json, os

TABLE = {str(i): [i, str(i) * 20, {"half": i // 2}] for i in range(20000)}

def app(environ, start_response):
    key = environ["PATH_INFO"].strip("/")
    if key == "pid":
        body = str(os.getpid())
    elif key == "sum":
        body = str(sum(value[0] for value in TABLE.values()))
    elif key == "grow":
        local = [json.dumps(TABLE[str(i)]) for i in range(1500)]
        body = hashlib.sha256("".join(local).encode()).hexdigest()
    else:
        body = json.dumps(TABLE.get(key))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body.encode()]

gc.collect()
gc.freeze()
APP

get() { curl -sS --max-time 60 --unix-socket ./front "http://server/$1"; }
answers() { get sum >/dev/null 2>&1; }

session() {
	local i
	for i in 1 77 19999 20000; do get "$i"; echo; done
	for i in 1 2 3 4; do get sum; echo; get grow; echo; done
	# shellcheck disable=SC2016 # for the inner shell
	seq 24 | xargs -P 6 -I{} curl -sS --max-time 60 --unix-socket ./front -o 'body.{}' 'http://server/grow'
	cat body.* | sha256sum
	rm -f body.*
}

serve() {  # NAME COMMAND...
	local name=$1 server status=0
	shift
	"$@" gunicorn --preload --workers 4 --bind unix:front --log-level error --worker-tmp-dir . --timeout 300 \
		application:app >"$name.log" 2>"$name.err" </dev/null &
	server=$!
	wait_until answers
	session
	workers "$server" >before
	kill -HUP "$server"
	wait_until is_renewed "$server"
	wait_until answers
	session
	kill -TERM "$server"
	wait "$server" || status=$?
	[ "$status" -eq 0 ] || fail "gunicorn under $*: exit status $status: $(tail "$name.err")"
}

export PYTHONDONTWRITEBYTECODE=1 PYTHONMALLOC=malloc
serve plain env >plain.out
serve pinned "${pinned[@]}" >pinned.out
diff plain.out pinned.out || fail 'answers differ'
without_report pinned.err | diff plain.err - || fail 'stderr differs'
used_pinned pinned.err python3

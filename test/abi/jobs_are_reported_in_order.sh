#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: the levels that run two commands at a time lose no result. Results come in the order of
# the start, whatever ends first; a command that fails, that is killed, or that executes no test
# counts as failed, and its log is shown; the exit status says whether all passed.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
mkdir -p test/unit build/unit/{gcc,clang}
fail() { echo "$*" >&2; exit 1; }

# Makes a stand-in for a unit test program.
program() {  # FLAVOUR/NAME COMMANDS
	: >"test/unit/${1#*/}.c"
	printf '#!/bin/bash\n%s\n' "$2" >"build/unit/$1"
	chmod +x "build/unit/$1"
}
passes='echo "100%: Checks: 3, Failures: 0, Errors: 0"'

# The first program waits for the second, so both must run at once.
mkfifo pipe
program gcc/first "read -r line <'$tmp/pipe'; $passes"
program gcc/second "echo go >'$tmp/pipe'; $passes"
program clang/first "$passes"
program clang/second "$passes"
echo ' * Flavours: gcc' >test/unit/second.c
said=$("$top/test/unit/run-flavours" build 'gcc clang' 'first second') || fail "status $? though all passed: $said"
[ "$said" = 'ok - gcc first (3 checks)
ok - gcc second (3 checks)
ok - clang first (3 checks)
unit: 9 passed, 0 failed, 0 skipped' ] || fail "printed: $said"

program gcc/fails 'echo "what went wrong"; exit 1'
program gcc/is_killed 'kill -KILL $$'
program gcc/runs_no_test 'echo "100%: Checks: 0, Failures: 0, Errors: 0"'
program gcc/third "$passes"
if said=$("$top/test/unit/run-flavours" build gcc 'fails is_killed third runs_no_test' 2>/dev/null); then
	fail "status 0 though three failed: $said"
fi
[ "$said" = 'not ok - gcc fails; log: build/unit/gcc/fails.log
    what went wrong
not ok - gcc is_killed; log: build/unit/gcc/is_killed.log
ok - gcc third (3 checks)
not ok - gcc runs_no_test; log: build/unit/gcc/runs_no_test.log
    100%: Checks: 0, Failures: 0, Errors: 0
unit: 3 passed, 3 failed, 0 skipped' ] || fail "printed: $said"

# As many commands as TEST_JOBS says run at a time, and no more.
cat >count <<'COUNT'
. "$1/test/lib/jobs"
busy() {
	local i files
	: >"running/$BASHPID"
	for ((i = 0; i < 200; i++)); do
		files=(running/*)
		echo ${#files[@]} >>seen
	done
	rm "running/$BASHPID"
}
job_ended() { echo "$1 $2"; }
for i in 1 2 3 4 5 6; do job_start busy; done
jobs_finish
COUNT
for most in 1 2; do
	rm -rf running seen
	mkdir running
	[ "$(TEST_JOBS=$most bash count "$top")" = "$(printf '%s 0\n' 0 1 2 3 4 5)" ] || fail "jobs are not reported in order"
	[ "$(sort -n seen | tail -n 1)" -le "$most" ] || fail "$(sort -n seen | tail -n 1) commands ran, not $most"
done
echo "jobs: results in order, failures counted and shown"

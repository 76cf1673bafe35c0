#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that execute other programs: these run on pinned memory too, and the other
# entries of LD_PRELOAD stay. A program that is started with an empty environment runs without
# the shim (Faults B15).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

# A chain of shells, each of which executes the next one.
# shellcheck disable=SC2016 # for the inner shells
chain='n=$1; if [ "$n" -gt 0 ]; then exec bash "$0" $((n - 1)); fi; exec sort --version'
echo "$chain" >chain.sh
same sort bash ./chain.sh 100
same sort python3 -c 'import os; os.execvp("sort", ["sort", "--version"])'
same sort perl -e 'exec "sort", "--version"'
same - env -i /usr/bin/sort --version
! grep -q program=sort pinned.err || fail 'a program with an empty environment reported'

LD_PRELOAD=libm.so.6 "${pinned[@]}" env >out 2>err
grep -q '^LD_PRELOAD=.*libmalloc-pinned.so:libm.so.6$' out || fail "$(grep LD_PRELOAD out)"
grep -q '^MALLOC_PINNED_CONF=.*backend:anon' out || fail "$(grep MALLOC_PINNED out)"

# pinned-run passes the program's arguments and its exit status on unchanged.
"${pinned[@]}" -- printf '<%s>' 'a b' '' '*' "it's" --report >out 2>err
[ "$(cat out)" = "<a b><><*><it's><--report>" ] || fail "$(cat out)"
status=0
"${pinned[@]}" sh -c 'kill -9 $$' 2>err || status=$?
[ "$status" -eq 137 ] || fail "exit status $status of a killed program"
status=0
"${pinned[@]}" /nonexistent/program 2>err || status=$?
[ "$status" -eq 127 ] || fail "exit status $status of a program that does not exist"
for wrong in '--nonsense' '--backend' ''; do
	status=0
	# shellcheck disable=SC2086 # nothing at all is one of the cases
	"$PINNED_BUILD/pinned-run" $wrong >out 2>err || status=$?
	[ "$status" -eq 2 ] || fail "pinned-run $wrong: exit status $status"
	is_one_line err || fail "pinned-run $wrong: $(cat err)"
done

# pinned-run refuses a path that ld.so would split into two, since ld.so would complain in each
# program.
mkdir -p 'a folder/lib'
cp "$PINNED_BUILD/pinned-run" 'a folder/'
cp "$PINNED_BUILD/lib/libmalloc-pinned.so" 'a folder/lib/'
refused() {  # COMMAND...
	status=0
	"$@" -- echo ran >out 2>err || status=$?
	[ "$status" -eq 2 ] || fail "$*: exit status $status: $(cat out err)"
	{ is_one_line err && grep -q blank err; } || fail "$*: $(cat err)"
}
refused 'a folder/pinned-run'
refused "$PINNED_BUILD/pinned-run" --preload 'a folder/lib/libmalloc-pinned.so'

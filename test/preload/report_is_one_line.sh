#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects readers of the report: it is one line of key=value words for each process, whatever name
# the program has, whatever the program did with its stderr, and whichever user runs it (Faults
# B38).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

line='^pinned: report: pid=[0-9]+ program=[^ ]+ backend=anon chunks_peak=[0-9]+ object_bytes=[0-9]+'
line+=' fallback_allocs=[0-9]+ fallback_bytes=[0-9]+$'

# reports COUNT command...: checks that the command prints COUNT lines of report and nothing else.
reports() {
	local count=$1
	shift
	"${pinned[@]}" "$@" >out 2>err || fail "$*: exit status $?: $(cat err)"
	[ "$(grep -cE "$line" err)" -eq "$count" ] || fail "$*: not $count lines: $(cat err)"
	[ "$(without_report err)" = '' ] || fail "$*: $(cat err)"
	[ "$(sed 's/.* pid=\([0-9]*\) .*/\1/' err | sort -u | wc -l)" -eq "$count" ] || fail "$(cat err)"
}

reports 1 sort --version # closes its stderr before it is over
reports 1 bash -c 'exec -a "a name, with = and blanks" sort --version'
reports 1 bash -c "exec -a $(printf '%04000d' 7) sort --version"
# shellcheck disable=SC2016 # for perl
reports 1 perl -e '$0 = "x" x 2000; @list = (1 .. 1000);'
reports 2 bash -c 'sort --version; true'
reports 4 python3 -c 'import os
for _ in range(3):
	if os.fork() == 0:
		exit()
	os.wait()'

# The report may go to a file, and there is none unless it was asked for.
"${pinned[@]}" bash -c 'exec sort --version 2>file' >out
grep -qE "$line" file || fail "$(cat file)"
"$PINNED_BUILD/pinned-run" --backend anon -- sort --version >out 2>err
[ ! -s err ] || fail "$(cat err)"

# A program reuses stderr's number for a file: the report must not be written into that file.
"${pinned[@]}" python3 -c '
import os
os.close(2)
assert os.open("own", os.O_CREAT | os.O_WRONLY) == 2
os.closerange(3, 5000)
for number in range(900, 1024):
	os.dup2(2, number)' >out 2>err
[ ! -s own ] || fail "a report went into the file of a program: $(cat own)"

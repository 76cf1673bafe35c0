#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of /etc/malloc-pinned.conf: programs that a section names run on pinned memory; all
# others pass through silently and at the cost of a few system calls, whatever the file contains;
# and pinnedctl agrees with the library about each program (Faults B3, B4).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need strace python3
# shellcheck source=test/preload/private_etc
. "$(dirname "$0")/private_etc"
shim=$PINNED_BUILD/lib/libmalloc-pinned.so
ctl=$PINNED_BUILD/pinnedctl
conf=/etc/malloc-pinned.conf
sort=$(readlink -f "$(command -v sort)")

# configure LINE...: writes the file, with a head that makes each pinned program print a report.
configure() { printf '%s\n' 'backend = anon' 'report = 1' "$@" >$conf; }

# is_pinned / passes command...: check by the report whether the program is on pinned memory; stderr
# has nothing else.
is_pinned() {
	LD_PRELOAD=$shim "$@" </dev/null >out 2>err || fail "$*: exit status $?: $(cat err)"
	is_one_line err || fail "$*: not one line: $(cat err)"
	grep -qE '^pinned: report: .* backend=anon chunks_peak=[1-9]' err || fail "$*: $(cat err)"
}
passes() {
	LD_PRELOAD=$shim "$@" </dev/null >out 2>err || fail "$*: exit status $?: $(cat err)"
	[ ! -s err ] || fail "$*: $(cat err)"
}

# warns LINE command...: checks that one message names this line of the file and that the program is
# on pinned memory.
warns() {
	local line=$1
	shift
	LD_PRELOAD=$shim "$@" </dev/null >out 2>err || fail "$*: exit status $?: $(cat err)"
	without_report err >said
	is_one_line said || fail "$*: not one line: $(cat said)"
	grep -q "^pinned: $conf:$line: .*; ignored\$" said || fail "$*: $(cat said)"
	grep -q '^pinned: report: ' err || fail "$*: no report"
}

# Programs that a section names, and programs that none names.
passes sort
configure "[exe $sort]" 'min = 1'
is_pinned sort
passes tac
passes env MALLOC_PINNED_CONF=policy:passthrough sort
is_pinned env MALLOC_PINNED_CONF=backend:anon,report:1 tac
configure '[exe /usr/*]'
is_pinned sort
configure "[exe $sort]" 'policy = passthrough' '[exe *]'
passes sort
is_pinned tac
configure "[user $(id -u)]"
is_pinned tac
configure "[user $(($(id -u) + 1))]"
passes tac
group=$(sed -n 's/^0:://p' /proc/self/cgroup)
[ -n "$group" ] || group=$(sed -n 's/.*:name=systemd://p' /proc/self/cgroup)
if [ -n "$group" ]; then
	configure "[cgroup $group]"
	is_pinned tac
	configure "[cgroup ${group%/}/below]"
	passes tac
fi

# The file malloc-pinned.disabled turns all of this off, except for programs that a user starts on
# pinned memory.
configure '[exe *]'
is_pinned sort
touch /etc/malloc-pinned.disabled
passes sort
"$ctl" config show sort >out
grep -q '^but .*malloc-pinned.disabled exists' out || fail "$(cat out)"
is_pinned env MALLOC_PINNED_CONF=backend:anon,report:1 tac
rm /etc/malloc-pinned.disabled

# Lines that make no sense: the programs that they apply to report them.
configure 'colour = red' "[exe $sort]" 'min = 64Q' 'max = 1K'
warns 3 sort
grep -q '(and 1 more)' said || fail "$(cat said)"
passes tac
configure '[exe nonsense' "[exe $sort" "[exe $sort]"
warns 3 sort
passes tac
! "$ctl" config check 2>err || fail 'pinnedctl config check found nothing'
[ "$(grep -cE "^$conf:[34]: " err)" -eq 2 ] || fail "$(cat err)"
! "$ctl" config check /nonexistent 2>err || fail 'checked a file that is not there'
# Control characters that other tools take for the end of a line do not end one here.
configure "[exe $sort]" 'profile_file = '$'/a\rb\fc\vd'
"$ctl" config check >out 2>err || fail "$(cat err)"
"$ctl" config show sort >out || fail 'config show failed'
grep -qxF 'line 4   profile_file = /a?b?c?d' out || fail "$(cat out)"

# Keys that contradict other keys of the section or of the file's head: each is reported, but is no
# error.
configure "[exe $sort]" 'memory = uncached' 'node = 1' 'limit = 1M' 'profile_file = /tmp/x' '[user 1]' 'min = 64K' \
	'min = 4K' 'max = 1K' '[user 2]' 'policy = passthrough' 'limit = 4M' '[user 3]' 'limit = 64M' 'quarantine = 64M' '[user 4]' 'min = 4K' 'limit = 1G' \
	'quarantine = 1M' 'profile = 64K' 'profile_file = /tmp/y' 'node = any' 'memory = cached'
"$ctl" config check >out 2>err || fail "$(cat err)"
sed -n "s,^$conf:\([0-9]*\): warning: ,\1 ,p" err >warnings
first=$(($(grep -nF "[exe $sort]" "$conf" | cut -d: -f1) - 1))
while read -r line text; do echo "$((line + first)) $text"; done >expected <<'END'
2 backend anon has no uncached memory, so no request is served
3 backend anon has no choice of the node, so no request is served
4 limit is less than a chunk of 2M, so no request is served
5 profile_file has no effect without profile
8 min is in line LINE already, with another value
9 min is larger than max, so no request is served
12 limit has no effect where policy is passthrough
15 quarantine is not less than limit, and may use all of it up
END
sed -i "s/LINE/$((first + 7))/" expected
diff expected warnings || fail 'other contradictions'

# Sections that can match no program: a star in the middle is an ordinary character, or an earlier
# section always wins.
configure '[exe /usr/b*n/sort]' '[cgroup /a/b/]' '[cgroup /a/b/c]' '[cgroup /a/bc]' '[exe /usr/*]' "[exe $sort]" '[exe /usr/lib*]' \
	'[user 1]' '[user 01]' '[exe *]' '[exe /etc/passwd]'
"$ctl" config check >out 2>err || fail "$(cat err)"
diff - err <<END || fail 'other warnings'
$conf:3: warning: there is no program /usr/b*n/sort now
$conf:5: warning: no program uses this section: line 4 names the same programs
$conf:8: warning: no program uses this section: line 7 names the same programs
$conf:9: warning: no program uses this section: line 7 names the same programs
$conf:11: warning: no program uses this section: line 10 names the same programs
$conf:13: warning: no program uses this section: line 12 names the same programs
END

# For every program, something that is not a regular file with text counts as no file at all.
garbage() { head -c "$1" /dev/urandom >$conf; }
for broken in 'mkfifo' 'mkdir' 'ln -s /dev/zero' 'ln -s /dev/tty' 'ln -s malloc-pinned.conf' 'garbage 3000' 'garbage 300000'; do
	rm -rf $conf
	case $broken in
	garbage*) $broken ;;
	*) $broken $conf ;;
	esac
	passes sort
	passes timeout 20 bash -c 'ls / | tac'
	rm -rf $conf
done
# A program with raised privileges ignores the environment and obeys the file, without messages
# about mistakes in it.
cat >privileged.c <<'PROGRAM'
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

int main(void)
{
	free(malloc(100));
	return puts(getauxval(AT_SECURE) ? "secure" : "ordinary") < 0;
}
PROGRAM
place=$(mktemp -d /tmp/privileged-XXXXXX)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
"$cc" -o "$place/privileged" privileged.c
cp "$shim" "$place/shim.so"
chown 65534:65534 "$place/privileged"
chmod 6755 "$place/privileged"
echo "$place/shim.so" >/etc/ld.so.preload
configure "[exe $place/other]"
[ "$(MALLOC_PINNED_CONF=nonsense:1,report:1 "$place/privileged" 2>&1)" = secure ] || fail 'it listened to its environment'
configure "[exe $place/privileged]" 'nonsense = 1'
MALLOC_PINNED_CONF=nonsense:1,policy:passthrough "$place/privileged" >out 2>err
[ "$(cat out)" = secure ] || fail "$(cat out)"
is_one_line err || fail "$(cat err)"
grep -q '^pinned: report: .* program=privileged .* chunks_peak=[1-9]' err || fail "$(cat err)"
# If only root may read the file, other users' programs pass through.
configure '[exe *]'
setpriv --reuid 65534 --regid 65534 --clear-groups sort --version >out 2>err || fail "$(cat err)"
grep -q 'program=sort' err || fail "readable: $(cat err)"
chmod 600 $conf 2>/dev/null
setpriv --reuid 65534 --regid 65534 --clear-groups sort --version >out 2>err || fail "$(cat err)"
[ ! -s err ] || fail "unreadable: $(cat err)"
rm /etc/ld.so.preload

# The number of system calls that passing through costs, apart from those that load a library.
calls() {
	strace -f -o trace -E "LD_PRELOAD=$shim" "$sort" --version >out 2>err || fail "strace: $(cat err)"
	grep -c '(' trace
}
strace -o trace true 2>/dev/null || skip 'processes may not be traced here'
configure '[exe *]' 'policy = passthrough'
excluded=$(calls)
rm $conf
none=$(calls)
echo '# nobody' >$conf
empty=$(calls)
echo '[exe /usr/bin/another]' >>$conf
other=$(calls)
echo "calls: no file $none, empty $empty, a section for another $other, excluded $excluded"
[ $((empty - none)) -eq 2 ] || fail "an empty file costs $((empty - none)) calls more than none"
[ $((other - none)) -eq 3 ] || fail "a section for another costs $((other - none)) calls more than no file"
[ $((excluded - none)) -le 4 ] || fail "who is excluded pays $((excluded - none)) calls"

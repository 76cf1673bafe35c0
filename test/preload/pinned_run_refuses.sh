#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of pinned-run: it refuses options that make no sense with status 2 and starts
# nothing (Faults E29). It says if a program is static, changes privileges or does not exist, and
# under policy fail it starts no program that would not be on pinned memory (Faults E30). Keys that
# the caller has set in MALLOC_PINNED_CONF stay, unless an option sets them.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc"
run=$PINNED_BUILD/pinned-run

# ends STATUS TEXT OPTION... : checks that nothing is started and that one line says why
ends() {
	local expected=$1 text=$2 status=0
	shift 2
	"$@" >out 2>err || status=$?
	[ $status -eq "$expected" ] || fail "$*: exit status $status: $(cat out err)"
	[ ! -s out ] || fail "$*: something ran: $(cat out)"
	{ is_one_line err && grep -qF -- "$text" err; } || fail "$*: $(cat err)"
}
for wrong in '--limit 10X' --limit=10X '--limit=' --limit=-1 --limit=1.5G --limit=99999999999999999999 --limit=9999999T --min=K '--max 5m' \
	'--policy fial' --backend=foo '--backend Device' --memory=warm --classes=4 --node=x --node=99999 --decay-ms=1s --quarantine=all \
	--profile=often --profile-file=a:b '--min 5K --max 4K' --report=1 --guard=yes --help=me --nonsense=1 -x --preload=; do
	# shellcheck disable=SC2086 # options
	ends 2 "${wrong%%[ =]*}" "$run" $wrong -- echo ran
done
for right in '--limit 10M' --limit=010M --min=1 --max=16383T --node=any --decay-ms=0 --classes=fine --memory=cached --policy=fallback \
	--quiet '--min 4K --max=4K' --profile=0 --zero-on-free --guard --guard=1000 --random --preload=libm.so.6; do
	# shellcheck disable=SC2086
	"$run" --backend anon $right -- echo ran >out 2>err || fail "$right: exit status $?: $(cat err)"
	[ "$(cat out err)" = ran ] || fail "$right: $(cat out err)"
done
# Services ignore SIGPIPE; nothing may complain of a broken pipe there.
(trap '' PIPE; exec "$run" --backend anon -- bash -c 'echo ran') >out 2>err
[ "$(cat out err)" = ran ] || fail "without SIGPIPE: $(cat out err)"
{ "$run" -h >out 2>err && grep -q '^usage: ' out; } || fail '-h does not help'

# shellcheck disable=SC2016 # for the inner shell
MALLOC_PINNED_CONF=limit:32M,backend:device,classes:fine "$run" --backend=anon --limit 8M -- sh -c 'echo "$MALLOC_PINNED_CONF"' >out 2>err
[ "$(cat out)" = classes:fine,backend:anon,limit:8M ] || fail "a caller's keys: $(cat out)"

echo 'int main(void) { return 7; }' >seven.c
"$cc" -static -o static seven.c
"$cc" -static-pie -o static_pie seven.c
"$cc" -o dynamic seven.c
printf '#!%s/static\n' "$PWD" >script
chmod +x static script
for program in ./static ./static_pie ./script; do
	ends 7 'statically linked' "$run" --backend anon $program
	ends 127 'statically linked' "$run" --backend anon --policy fail $program
	MALLOC_PINNED_CONF=policy:fail ends 127 'statically linked' "$run" --backend anon $program
	status=0
	"$run" --backend anon --quiet $program >out 2>&1 || status=$?
	{ [ $status -eq 7 ] && [ ! -s out ]; } || fail "--quiet: $status $(cat out)"
done
status=0
"$run" --backend anon --policy fail ./dynamic >out 2>&1 || status=$?
{ [ $status -eq 7 ] && [ ! -s out ]; } || fail "a dynamic program with policy fail: $status $(cat out)"
if [ "$(id -u)" -eq 0 ]; then
	cp dynamic privileged
	chown nobody privileged
	chmod 4755 privileged
	ends 127 'changes its privileges' "$run" --backend anon --policy fail ./privileged
	chown root privileged
	chmod 4755 privileged
	status=0
	"$run" --backend anon --policy fail ./privileged >out 2>&1 || status=$?
	{ [ $status -eq 7 ] && [ ! -s out ]; } || fail "a set-user-ID program of the user's own: $status $(cat out)"
fi
if command -v musl-gcc >/dev/null; then
	musl-gcc -o with_musl seven.c
	ends 127 'does not preload' "$run" --backend anon --policy fail ./with_musl
fi
ends 127 'no such program' "$run" --backend anon ./nothing
ends 127 'no such program' "$run" --backend anon nothing-of-this-name
ends 126 'cannot be executed' "$run" --backend anon ./seven.c
ends 126 'cannot be executed' "$run" --backend anon "$PWD"

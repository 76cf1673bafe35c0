#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: pinnedctl refuses to put a library that breaks programs into all processes, and if the
# damage shows only afterwards, takes the library out again; other programs notice nothing beyond
# that moment (Faults B6).
. "$(dirname "$0")/../guest-common"
[ "$(pinnedctl preload status)" = off ] || fail "it begins with $(pinnedctl preload status)"
for folder in /opt/broken0 /opt/broken1; do
	! pinnedctl preload on --library $folder/libmalloc-pinned.so >out 2>err || fail "$folder was taken"
	grep -q 'self-test: ' err || fail "$folder: $(cat err)"
	[ ! -e /etc/ld.so.preload ] || fail "$folder is still there: $(cat /etc/ld.so.preload)"
	/bin/true
done
grep -q 'removed from /etc/ld.so.preload again' err || fail "$(cat err)"
pinnedctl preload test >out || fail 'ours does not pass'
for what in shell init sshd login apt dpkg; do grep -qE "^$what +the same\$" out || fail "$what was not tried: $(cat out)"; done

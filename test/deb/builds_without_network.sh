#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: make builds the tarball of the sources for a user who is not root, without network, on a
# system that contains a compiler, make and libc alone, and installs nothing. The programs work.
# Targets that need more name it at once, in one command, and build nothing.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"
in_clean_system gcc make libc6-dev

for program in pkg-config python3 git; do
	! command -v $program || fail "$program is there"
done
mkdir /tmp/home
tar -xzf "$debs"/pinned-mem_*.orig.tar.gz -C /tmp/home
chown -R nobody:nogroup /tmp/home
cd /tmp/home/pinned-mem-*
list_files >/tmp/before
as_nobody() { unshare --net setpriv --reuid nobody --regid nogroup --clear-groups env HOME=/tmp/home "$@"; }
as_nobody sh -c '! ls /sys/class/net 2>/dev/null | grep -v "^lo$"' || fail 'there is a network'

as_nobody make -j2 WERROR=1 >/tmp/log 2>&1 || fail "make: $(tail -n 20 /tmp/log)"
for file in lib/libpinned.so.1 lib/libpinned.a lib/libmalloc-pinned.so lib/libusdm_pinned.so.1 pinned-run pinnedctl; do
	[ -e build/$file ] || fail "no $file"
done
as_nobody build/pinned-run --backend anon --policy fail --report -- sort README.md >/tmp/out 2>/tmp/report || fail "$(cat /tmp/report)"
sort README.md | cmp - /tmp/out
grep -qE '^pinned: report: .*program=sort backend=anon .*object_bytes=[1-9]' /tmp/report || fail "$(cat /tmp/report)"

find build | sort >/tmp/built
for target in check check-unit demo; do
	! as_nobody make $target >/tmp/log 2>&1 || fail "make $target has packages"
	grep -q '^need: this needs packages that are not installed; run as root:$' /tmp/log || fail "make $target: $(cat /tmp/log)"
	[ "$(grep -c 'apt-get install' /tmp/log)" = 1 ] || fail "make $target: $(cat /tmp/log)"
	find build | sort | diff /tmp/built - || fail "make $target builds something"
done
grep -q 'apt-get install .* clang .*qemu-system-x86' <(as_nobody make check 2>&1 || true) || fail 'make check does not name all packages'
if as_nobody make modules >/tmp/log 2>&1; then fail 'a driver was built without headers'; fi
grep -qE 'no kernel headers in .*; install linux-headers-' /tmp/log || fail "make modules: $(cat /tmp/log)"
list_files >/tmp/after
expect_no_difference /tmp/before /tmp/after make

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: test/deb/compare-abi checks what a release promises to compiled programs. It finds no
# change in the same library with another version number, and reports a function that is missing.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"

"$here/compare-abi" "$old_debs" || fail 'the same library is said to have changed'

# Simulates an earlier release that had one more function.
mkdir earlier
for package in libpinned1 libpinned1-dbgsym libpinned-dev; do
	dpkg-deb -R "$old_debs/${package}"_0.0.1-*.deb tree-$package
done
echo 'PINNED_0.1 { global: pinned_gone; local: *; };' >gone.map
echo 'int pinned_gone(void); int pinned_gone(void) { return 1; }' |
	cc -x c - -g -shared -fPIC -Wl,-soname,libpinned.so.1,--version-script=gone.map -o tree-libpinned1/usr/lib/*/libpinned.so.0.0.1
for package in libpinned1 libpinned1-dbgsym libpinned-dev; do
	dpkg-deb --root-owner-group -b tree-$package earlier >/dev/null
done
if "$here/compare-abi" "$PWD/earlier" >said 2>&1; then fail 'a function that is gone was not noticed'; fi
grep -q pinned_gone said || fail "$(cat said)"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: each compiler command of the packages' build has all of Debian's hardening flags, and
# each program and library of the packages is position-independent, with read-only relocations.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"

# A relocatable object, for the static library, is not linked.
blhc --all --debian --ignore-line '.* -nostdlib -r -o .*' "$PINNED_BUILD/check-deb/debs.log" >said || fail "blhc: $(cut -c1-300 said)"
[ "$(grep -c -- ' -fstack-protector-strong .* -c -o ' "$PINNED_BUILD/check-deb/debs.log")" -gt 50 ] || fail 'the log shows no commands'

count=0
for deb in "${our_debs[@]}"; do
	name=$(basename "$deb" .deb)
	dpkg-deb -x "$deb" "$name"
	while read -r file; do
		LC_ALL=C readelf -hdlW "$file" >parts 2>/dev/null || continue
		grep -q 'Type: *REL ' parts && continue
		count=$((count + 1))
		grep -q 'Type: *DYN' parts || fail "$file is not position-independent"
		grep -q GNU_RELRO parts || fail "$file has writable relocations"
		grep -qE 'BIND_NOW|Flags: .*NOW' parts || fail "$file binds lazily"
		! grep -q TEXTREL parts || fail "$file has relocations in its code"
		! grep -qE 'GNU_STACK .*RWE' parts || fail "$file has an executable stack"
	done < <(find "$name" -type f ! -name '*.a' ! -path '*/usr/src/*')
done
echo "$count programs and libraries"
[ $count -ge 14 ]

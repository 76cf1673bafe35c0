#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: the packages are reproducible: builds in any folder, time zone, language and umask give
# the same bytes.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"

compared=0 differing=()
for deb in "$debs"/*.deb "$debs"/*.tar.*; do
	again=$PINNED_BUILD/check-deb/again/${deb##*/}
	compared=$((compared + 1))
	cmp "$deb" "$again" && continue
	differing+=("${deb##*/}")
	diffoscope --max-report-size 20000 "$deb" "$again" || true
done
ls "$PINNED_BUILD/check-deb/again" >again && ls "$debs" >once
diff once again || fail 'the two builds made different files'

echo "$compared files compared, differing: ${differing[*]:-none}"
[ ${#differing[@]} -eq 0 ] && [ "$compared" -ge 8 ]

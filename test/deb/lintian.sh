#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: lintian reports nothing for the source and the packages, down to pedantic remarks, except
# for what an override excuses with a reason; and every override is needed.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"

changes=("$debs"/*.changes)
[ ${#changes[@]} -eq 1 ] || fail "not one .changes file: ${changes[*]}"
lintian --allow-root --pedantic --display-info --show-overrides --tag-display-limit 0 "${changes[0]}" >said 2>&1 ||
	fail "lintian: $(cat said)"
grep -v '^N:' said >tags || true
! grep -vE '^O: ' tags || fail 'lintian has something to say'
# The test above makes lintian report unused overrides.
while read -r named; do
	echo "overridden: $named"
	grep -B1 -hE "^$named( |\$)" "$PINNED_SOURCE"/debian/{*.,source/}lintian-overrides | grep -q '#' || fail "no reason for $named"
done < <(sed -E 's/^O: ([^:]*: [^ ]*).*/\1/' tags)

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: lintian has nothing to say of the source and of the packages, to the last pedantic remark, but for
# what an override gives the reason for; and every override is needed.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"

changes=("$debs"/*.changes)
[ ${#changes[@]} -eq 1 ] || fail "not one .changes file: ${changes[*]}"
lintian --allow-root --pedantic --display-info --show-overrides --tag-display-limit 0 "${changes[0]}" >said 2>&1 ||
	fail "lintian: $(cat said)"
grep -v '^N:' said >tags || true
! grep -vE '^O: ' tags || fail 'lintian has something to say'
# lintian itself tells of overrides that override nothing, in the test above.
while read -r _ package tag _; do
	echo "overridden: $package $tag"
	grep -B1 -E "^${package%:}: $tag" "$PINNED_SOURCE"/debian/*.lintian-overrides | grep -q '#' || fail "no reason for $tag"
done <tags

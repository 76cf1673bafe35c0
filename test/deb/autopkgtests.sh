#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: debian/tests pass, and none is skipped, when they run as in Debian's archive: on the
# built packages, each with only those of our packages that it declares.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"

status=0
# TMPDIR names a folder inside the system.
TMPDIR=/tmp "$here/clean-system" --outside "${developer[@]}" -- autopkgtest --no-built-binaries --summary-file="$PWD/summary" \
	"$debs"/pinned-mem_*.changes -- chroot >log.autopkgtest 2>&1 || status=$?
cat summary
[ $status = 0 ] || fail "autopkgtest ended with $status: $(tail -n 60 log.autopkgtest)"
count=0
while read -r name; do
	count=$((count + 1))
	grep -qE "^$name +PASS" summary || fail "$name did not pass: $(tail -n 60 log.autopkgtest)"
done < <(sed -n 's/^Tests: //p' "$PINNED_SOURCE/debian/tests/control")
echo "$count tests passed"
[ $count -ge 3 ]

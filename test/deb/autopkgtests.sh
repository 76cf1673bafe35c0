#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: debian/tests pass as a Debian archive runs them: each with the packages that it says it needs and no more
# of ours, on the packages as they are built. None is skipped.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"

status=0
# A folder for temporary files is one in the system.
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

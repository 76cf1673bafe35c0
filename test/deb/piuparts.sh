#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: piuparts, which Debian's archive runs, finds nothing: install, remove, purge, of all packages together
# and of each with what it depends on.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"

"$here/clean-system" --outside "${developer[@]}" -- piuparts --distribution "${PINNED_SUITE:-bookworm}" \
	--no-upgrade-test --no-eatmydata --warn-on-leftovers-after-purge --skip-logrotatefiles-test \
	"${our_debs[@]}" --existing-chroot >log.piuparts 2>&1 || fail "$(tail -n 60 log.piuparts)"
tail -n 3 log.piuparts
grep -q 'PASS: All tests' log.piuparts

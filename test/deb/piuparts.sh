#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: piuparts, which Debian's archive runs, finds nothing: install, remove, purge, of all packages together
# and of each with what it depends on.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"

# It mounts what it needs itself, into a copy. The folder of the system comes last.
# shellcheck disable=SC2016 # for the inner shell
with_system='system=${*: -1}
	umount "$system/proc" "$system/dev/shm"
	set -- "${@:1:$#-1}"
	exec piuparts --existing-chroot "$system" "$@"'
# A folder for temporary files is one in the system too.
TMPDIR=/tmp "$here/clean-system" --outside "${developer[@]}" -- bash -c "$with_system" piuparts --distribution "${PINNED_SUITE:-bookworm}" \
	--no-upgrade-test --no-eatmydata --warn-on-leftovers-after-purge --skip-logrotatefiles-test "${our_debs[@]}" \
	>log.piuparts 2>&1 || fail "$(tail -n 60 log.piuparts)"
tail -n 3 log.piuparts
grep -q 'PASS: All tests' log.piuparts

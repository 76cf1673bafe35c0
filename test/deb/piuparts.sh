#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: piuparts, which Debian's archive runs, reports nothing when it installs, removes and
# purges all packages together, and each one with its dependencies.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"

# piuparts mounts what it needs itself, in a copy. The system's folder is the last argument.
# shellcheck disable=SC2016 # for the inner shell
with_system='system=${*: -1}
	umount "$system/proc" "$system/dev/shm"
	set -- "${@:1:$#-1}"
	exec piuparts --existing-chroot "$system" "$@"'
# TMPDIR names a folder inside the system here too.
TMPDIR=/tmp "$here/clean-system" --outside "${developer[@]}" -- bash -c "$with_system" piuparts --distribution "${PINNED_SUITE:-bookworm}" \
	--no-upgrade-test --no-eatmydata --warn-on-leftovers-after-purge --skip-logrotatefiles-test "${our_debs[@]}" \
	>log.piuparts 2>&1 || fail "$(tail -n 60 log.piuparts)"
tail -n 3 log.piuparts
grep -q 'PASS: All tests' log.piuparts

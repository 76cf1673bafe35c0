#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: while the library is in every process, dpkg can be killed at any step of an upgrade or a
# purge, as by a power failure. Programs still start, none gets the dynamic linker's error about a
# missing library, and the work can be completed afterwards (Faults B5, B24).
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"
in_clean_system "${developer[@]}"

apt-get -qy --no-install-recommends install strace >log.apt
file=/etc/ld.so.preload
names=(pinned-mem-tools libmalloc-pinned libpinned1)
mapfile -t packages < <(debs_of "${names[@]}")
[ ${#packages[@]} = 3 ] || fail "not our packages: ${packages[*]}"

must_be_sound() {  # WHEN
	local said
	said=$(/bin/sh -c '/bin/true' 2>&1) || fail "$1: no program starts"
	[ -z "$said" ] || fail "$1: every program says: $said"
}

# Kills COMMAND..., or a process that it starts, at step STEP. Returns false if there is no such
# step.
killed_at() {
	local step=$1 calls=rename,renameat2,unlink,unlinkat,rmdir,symlink,link,execve,fsync
	shift
	strace -f -qq -o trace -e trace=$calls -e inject=$calls:signal=KILL:when="$step" "$@" >log.dpkg 2>&1 || true
	grep -q 'killed by SIGKILL' trace
}

ready() {
	dpkg -i "${packages[@]}" >log.install 2>&1 || fail "$(cat log.install)"
	[ -e $file ] || pinnedctl preload on >log.on || fail "$(cat log.on)"
}

ready
for what in upgrade purge; do
	command=(dpkg -i "${packages[@]}")
	[ $what = upgrade ] || command=(dpkg --purge "${names[@]}")
	step=1 count=0
	while killed_at $step "${command[@]}"; do
		must_be_sound "$what killed at step $step"
		count=$((count + 1)) step=$((step < 16 ? step + 1 : step + step / 6))
		"${command[@]}" >log.again 2>&1 || { dpkg --configure -a && "${command[@]}"; } >log.again 2>&1 ||
			fail "$what cannot be finished after step $step: $(cat log.again)"
		must_be_sound "$what finished after step $step"
		ready
	done
	must_be_sound "$what"
	echo "$what: killed at $count steps up to $step"
	[ $count -ge 10 ] || fail "$what has only $count steps: $(cat log.dpkg)"
done

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: while the library is in every process, its package can be removed in any state that dpkg
# leaves it in, and the entry in /etc/ld.so.preload goes first: without /proc, as in a chroot; after
# an interrupted upgrade, when dpkg runs no prerm; and to make room for another package. Other
# entries stay (Faults B5, B24).
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"
in_clean_system python3

file=/etc/ld.so.preload
mapfile -t packages < <(debs_of libpinned1 libmalloc-pinned pinned-mem-tools)
other=/usr/local/lib/libother.so
cp "$(find /lib/*/libutil.so.1 -print -quit)" $other

# Puts the library into every process, beside another library and a comment.
ready() {
	dpkg -i "${packages[@]}" >log.install 2>&1 || fail "$(cat log.install)"
	printf '%s\n' "$other # not libmalloc-pinned.so" >$file
	pinnedctl preload on >log.on || fail "$(cat log.on)"
}
must_be_sound() {  # WHEN
	local said
	[ "$(cat $file)" = "$other # not libmalloc-pinned.so" ] || fail "$1: $file: $(cat $file)"
	said=$(/bin/true 2>&1) || fail "$1: no program starts"
	[ -z "$said" ] || fail "$1: every program says: $said"
	# No program that dpkg started got the dynamic linker's error about a missing library.
	! grep 'ERROR: ld.so' log.dpkg || fail "$1: $(cat log.dpkg)"
}

ready
unshare --mount sh -c 'umount /proc && exec dpkg --purge pinned-mem-tools libmalloc-pinned' >log.dpkg 2>&1 ||
	fail "without /proc: $(cat log.dpkg)"
must_be_sound 'purged without /proc'

ready
dpkg --unpack "${packages[@]}" >log.dpkg 2>&1 || fail "$(cat log.dpkg)"
dpkg --purge pinned-mem-tools libmalloc-pinned >log.dpkg 2>&1 || fail "unpacked: $(cat log.dpkg)"
must_be_sound 'purged when it was not configured'

ready
mkdir -p other/DEBIAN
cat >other/DEBIAN/control <<'END'
Package: other
Version: 1
Architecture: all
Maintainer: nobody <nobody@example.org>
Description: takes the place of libmalloc-pinned
Conflicts: libmalloc-pinned
Replaces: libmalloc-pinned
END
dpkg-deb -b other other.deb >log.build
# pinned-mem-tools cannot be configured then, so dpkg fails.
dpkg -i --auto-deconfigure other.deb >log.dpkg 2>&1 || true
grep -q 'Removing libmalloc-pinned' log.dpkg || fail "it was not removed: $(cat log.dpkg)"
must_be_sound 'replaced by another package'

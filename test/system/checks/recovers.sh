#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: a system that no longer starts, since the library crashes in every process, can be
# repaired as pinnedctl(1) says: boot with the word on the kernel command line, then remove or
# replace the library. The next boot is normal (Faults B6).
. "$(dirname "$0")/../guest-common"
# Shows what the word prevents: with the file as it is on the disk, no program starts.
! unshare --mount sh -c 'umount /etc/ld.so.preload && exec /bin/true' 2>/dev/null || fail 'the library does not crash: there was nothing to recover from'
pinnedctl preload off >out 2>err || fail "off: $(cat err)"
# The kernel removes the covering mount when the covered file is replaced.
! grep -q pinned /etc/ld.so.preload || fail 'the entry is still there'
/bin/true || fail 'programs still do not start'
mv "$(dirname $library)/good" $library
# The library can be put back without another boot.
pinnedctl preload on >out 2>err || fail "on: $(cat out err)"
has_library self || fail 'not on'

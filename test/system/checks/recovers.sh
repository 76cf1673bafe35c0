#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: a system that does not start any more, since the library crashes in every process, is put right by what
# pinnedctl(1) says: booted with the word, the library taken out or replaced; the next boot is as ever (Faults B6).
. "$(dirname "$0")/../guest-common"
# What it is without the word: with the file as it is on the disk not one program starts.
! unshare --mount sh -c 'umount /etc/ld.so.preload && exec /bin/true' 2>/dev/null || fail 'the library does not crash: there was nothing to recover from'
pinnedctl preload off >out 2>err || fail "off: $(cat err)"
# The kernel takes the cover away when the file that it lies over is replaced.
! grep -q pinned /etc/ld.so.preload || fail 'the entry is still there'
/bin/true || fail 'programs still do not start'
mv "$(dirname $library)/good" $library
# In the same boot everything can be put back.
pinnedctl preload on >out 2>err || fail "on: $(cat out err)"
has_library self || fail 'not on'

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: a system where the library crashes every program can be booted with a word on the kernel
# command line that makes a mount cover /etc/ld.so.preload; then `pinnedctl preload off` removes the
# entry from the covered file (Faults B6).
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"
in_clean_system "${developer[@]}"

install_debs "${our_debs[@]}" >log.apt
cat >broken.c <<'END'
#include <stdlib.h>
__attribute__((constructor)) static void end(void)
{
	abort();
}
END
gcc -shared -fPIC -o libmalloc-pinned.so broken.c
# The covered file can only be reached by a bind mount of its folder, which does not include mounts
# below.
: >/etc/ld.so.preload
mkdir -p under
mount --bind /etc under
mount --bind /dev/null /etc/ld.so.preload
printf '/other/library.so\n%s\n' "$PWD/libmalloc-pinned.so" >under/ld.so.preload
! unshare --mount sh -c 'umount /etc/ld.so.preload && exec /bin/true' 2>/dev/null || fail 'programs start: there is nothing to recover from'
pinnedctl preload off >out 2>&1 || fail "off: $(cat out)"
[ "$(cat out)" = off ] || fail "it says: $(cat out)"
[ "$(cat under/ld.so.preload)" = /other/library.so ] || fail "the file: $(cat under/ld.so.preload)"
# The kernel removes the covering mount when the covered file is replaced: every process sees the
# new file.
[ "$(cat /etc/ld.so.preload)" = /other/library.so ] || fail "the file in place: $(cat /etc/ld.so.preload)"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: where no program starts with the library in every process, and the system was booted with the word that covers
# /etc/ld.so.preload, `pinnedctl preload off` takes the entry out of the file under the cover (Faults B6).
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
# Under the cover the file is reached by its folder alone, which no mount below comes along with.
: >/etc/ld.so.preload
mkdir -p under
mount --bind /etc under
mount --bind /dev/null /etc/ld.so.preload
printf '/other/library.so\n%s\n' "$PWD/libmalloc-pinned.so" >under/ld.so.preload
! unshare --mount sh -c 'umount /etc/ld.so.preload && exec /bin/true' 2>/dev/null || fail 'programs start: there is nothing to recover from'
pinnedctl preload off >out 2>&1 || fail "off: $(cat out)"
[ "$(cat out)" = off ] || fail "it says: $(cat out)"
[ "$(cat under/ld.so.preload)" = /other/library.so ] || fail "the file: $(cat under/ld.so.preload)"
# The kernel takes the cover away when the file that it lies over is replaced: everybody sees what is left.
[ "$(cat /etc/ld.so.preload)" = /other/library.so ] || fail "the file in place: $(cat /etc/ld.so.preload)"

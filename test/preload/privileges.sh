#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs that give up privileges run as without the shim; one that has more than its caller does not listen
# to the caller's environment (Faults B3, B7, B9).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc"

root=()
[ "$(id -u)" = 0 ] || root=(unshare --user --map-root-user)
same - "${root[@]}" "$programs/privileges"
# On pinned memory, where the children need no device: one chunk does not do, and without libc there is no more.
[ "${TEST_BACKEND:-anon}" = device ] ||
	"${pinned[@]}" --policy fail "${root[@]}" "$programs/privileges" >out 2>err || fail "policy fail: $(cat err)"
! "${pinned[@]}" --policy fail --limit 2M "${root[@]}" "$programs/privileges" >out 2>err || fail 'not pinned memory'

# The library is part of the program, since the dynamic linker preloads nothing here.
cat >privileged.c <<'PROGRAM'
#include <stdio.h>
#include <sys/auxv.h>
#include <pinned.h>

int main(void)
{
	pinned_free(pinned_malloc(100));
	return puts(getauxval(AT_SECURE) ? "secure" : "ordinary") < 0;
}
PROGRAM
"$cc" -pthread -I"$PINNED_SOURCE/include" -o privileged privileged.c "$PINNED_BUILD/lib/libpinned.a"
export PINNED_CONF=nonsense:1,backend:anon
[ "$(./privileged 2>&1 >/dev/null | wc -l)" -eq 1 ] || fail "the environment of an ordinary program counts"
if [ "$(id -u)" = 0 ]; then # only root can make a program whose user is another one
	chown 65534:65534 privileged
	chmod 6755 privileged
	./privileged >out 2>err
	[ "$(cat out err)" = secure ] || fail "$(cat out err)"
fi

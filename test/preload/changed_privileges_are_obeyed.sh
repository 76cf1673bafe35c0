#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that change privileges: those that give up privileges run as they do without the
# shim, and those that have more privileges than their caller ignore the caller's environment
# (Faults B3, B7, B9).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc"

root=()
[ "$(id -u)" = 0 ] || root=(unshare --user --map-root-user)
# A child that gave up the right to open the device falls back to ordinary memory, and says so.
if [ "${TEST_BACKEND:-anon}" = device ]; then pinned+=(--quiet); fi
same - "${root[@]}" "$programs/privileges"
# Shows that the program is on pinned memory, on backends whose children need no device: it works
# without libc's memory, but not with one chunk.
[ "${TEST_BACKEND:-anon}" = device ] ||
	"${pinned[@]}" --policy fail "${root[@]}" "$programs/privileges" >out 2>err || fail "policy fail: $(cat err)"
! "${pinned[@]}" --policy fail --limit 2M "${root[@]}" "$programs/privileges" >out 2>err || fail 'not pinned memory'

# This program is linked to the library, since the dynamic linker preloads nothing into privileged
# programs.
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

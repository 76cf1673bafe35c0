#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: in a container, a user namespace or a chroot without the device, programs run as without
# the library, including programs that the configuration puts on pinned memory; these report it in
# one line (Faults B7).
. "$(dirname "$0")/../guest-common"
work='import hashlib; print(hashlib.sha256(b"x" * 10000000).hexdigest())'
expected=$(without_library python3 -c "$work")

# Containers of systemd and of podman, each with its own /dev, on a copy of this system.
mkdir -p /run/container/upper /run/container/work /run/container/root
mount -t overlay overlay -o lowerdir=/,upperdir=/run/container/upper,workdir=/run/container/work /run/container/root
nspawn() { systemd-nspawn -q --register=no --keep-unit --link-journal=no -D /run/container/root --pipe "$@" </dev/null; }
podman() { command podman run --rm --network=none --rootfs /run/container/root "$@" </dev/null; }
for container in nspawn podman; do
	$container sh -c "test ! -e /dev/pinned_mem && grep -c 'r-xp.*libmalloc-pinned' /proc/self/maps &&
		python3 -c '$work'" >out 2>err || fail "$container: $(cat out err)"
	[ "$(tr '\n' ' ' <out)" = "1 $expected " ] || fail "$container: $(cat out)"
	! grep -E 'pinned|ld\.so' err || fail "$container says: $(cat err)"
	$container env MALLOC_PINNED_CONF=policy:fallback python3 -c "$work" >out 2>err || fail "$container: $(cat out err)"
	[ "$(cat out)" = "$expected" ] || fail "$container: $(cat out)"
	[ "$(grep -c '^pinned: ' err)" = 1 ] || fail "$container: not one line: $(cat err)"
done
umount /run/container/root

same runuser -u tester -- unshare --user --map-root-user --mount --pid --fork --mount-proc python3 -c "$work"
[ "$(cat out)" = "$expected" ] || fail "unshare: $(cat out)"

# A chroot contains the library itself, or prints nothing if it contains no ld.so.preload either.
copy_programs /opt/bare /bin/ls
same chroot /opt/bare /bin/ls /
same chroot / sh -c 'seq 100000 | sort -n | tail -n 1'

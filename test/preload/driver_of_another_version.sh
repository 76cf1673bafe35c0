#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users during upgrades: with a driver that is older or newer than the library, with a
# device that is no such driver, and with a driver that lacks the memory type asked for, a program
# prints one line that says what to upgrade and runs on ordinary memory, or does not start, as its
# policy says (Faults B38). A device without ioctls stands for the driver, and strace injects the
# driver's answers.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need strace
# shellcheck source=test/preload/private_etc
. "$(dirname "$0")/private_etc"
mkdir dev
cp -a /dev/null /dev/full dev/
cp -a /dev/null dev/pinned_mem
mount --bind dev /dev

# The driver's answer to the request INFO: version of the interface, features and size of a chunk.
word() { printf '%02x%02x%02x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
answer() {  # ABI FEATURES CHUNK-SIZE
	echo "retval=0:poke_exit=@arg3=$(word 128)$(word 0)$(word "$1")$(word "$2")$(word "$3")$(word 0)"
}

says() {  # INJECTION TEXT [OPTION...]
	local injection=$1 text=$2 status=0
	shift 2
	strace -f -o trace -e trace=ioctl -e inject="ioctl:$injection" "$PINNED_BUILD/pinned-run" "$@" -- /bin/echo hello >out 2>err ||
		fail "$injection: exit status $?: $(cat err)"
	[ "$(cat out)" = hello ] || fail "$injection: $(cat out)"
	is_one_line err || fail "$injection: $(cat err)"
	grep -q "^pinned: no pinned memory .*: $text); the program uses ordinary memory\$" err || fail "$injection: $(cat err)"
	strace -f -o trace -e trace=ioctl -e inject="ioctl:$injection" "$PINNED_BUILD/pinned-run" "$@" --policy fail -- /bin/echo hello \
		>out 2>err || status=$?
	[ "$status:$(cat out)" = 127: ] || fail "$injection: it started: $status, $(cat out err)"
	grep -q "$text); policy fail: the program does not start\$" err || fail "$injection: $(cat err)"
}

strace -o trace -e trace=ioctl -e inject="ioctl:$(answer 1 1 0x200000)" true || skip 'strace cannot write what a call answers'
says error=EINVAL 'the driver is older than this library; upgrade pinned-mem-dkms and reboot'
says "$(answer 0 1 0x200000)" 'the driver is older than this library; upgrade pinned-mem-dkms and reboot'
says "$(answer 2 1 0x200000)" 'the driver is newer than this library; upgrade libmalloc-pinned'
says "$(answer 1 1 0x400000)" 'the driver is newer than this library; upgrade libmalloc-pinned'
says "$(answer 1 1 0x200000)" 'the driver has no memory of this type here' --memory uncached
says error=ENOTTY "/dev/pinned_mem is not the driver's device"

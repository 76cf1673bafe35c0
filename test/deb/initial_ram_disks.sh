#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: an initial RAM disk that initramfs-tools or dracut makes while the library is in every
# process, including theirs, contains the same files as one made without the library. It may contain
# the library in addition, since both tools ask the dynamic linker for a program's dependencies, but
# never /etc/ld.so.preload. Both disks contain the files to boot a system without the library, and
# nothing is left after the packages are purged (Faults B5, B6).
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"
in_clean_system linux-image-generic initramfs-tools dracut-core systemd-sysv busybox python3

# The initial RAM disks contain no other locale.
export LC_ALL=C
kernel=$(basename /lib/modules/*)
names=(pinned-mem-tools libmalloc-pinned libpinned1)
# Includes only a few drivers, which do not matter for the library.
echo MODULES=list >/etc/initramfs-tools/conf.d/test

# Prints each file's path, link target and checksum.
list_of_folder() {  # FOLDER
	(cd "$1" && find . ! -type f -printf '%p %y %l\n' && find . -type f -exec sha256sum {} + | sed -E 's/^([^ ]*)  (.*)/\2 \1/') | sort
}

make_both() {  # NAME
	local tool
	mkinitramfs -c gzip -l 1 -o initramfs-tools.image "$kernel" >"$1.log" 2>&1 || fail "mkinitramfs, $1: $(tail -n 5 "$1.log")"
	dracut --force --no-hostonly --no-kernel --no-compress --no-early-microcode --kver "$kernel" dracut.image >>"$1.log" 2>&1 ||
		fail "dracut, $1: $(tail -n 5 "$1.log")"
	! grep -E 'ld\.so|pinned: ' "$1.log" || fail "$1: somebody was told something"
	rm -rf initramfs-tools dracut
	unmkinitramfs initramfs-tools.image initramfs-tools
	mkdir dracut
	(cd dracut && cpio -id --quiet <../dracut.image)
	for tool in initramfs-tools dracut; do
		list_of_folder $tool >"$1.$tool"
		[ "$(wc -l <"$1.$tool")" -gt 300 ] || fail "$tool, $1: only $(cat "$1.$tool")"
		! grep -F etc/ld.so.preload "$1.$tool" || fail "$tool, $1: the library is preloaded in it"
		chroot $tool /bin/sh -c 'exec modprobe --version' >out 2>err || fail "$tool, $1: programs do not start: $(cat err)"
		[ ! -s err ] || fail "$tool, $1: a program says: $(cat err)"
	done
}

# Prints the names of the files in which the two lists differ.
more_in() {  # LIST-BEFORE LIST-AFTER
	{ diff "$1" "$2" || true; } | sed -n 's/^[<>] \.\/\([^ ]*\) .*/\1/p' | sort -u
}

make_both before
make_both again
for tool in initramfs-tools dracut; do expect_no_difference before.$tool again.$tool "making it twice by $tool"; done

mapfile -t packages < <(debs_of "${names[@]}")
install_debs "${packages[@]}" >log.install 2>&1 || fail "$(tail -n 5 log.install)"
make_both installed
for tool in initramfs-tools dracut; do
	more_in before.$tool installed.$tool | tee ours.$tool
	grep -q malloc-pinned ours.$tool || fail "$tool: nothing of ours is in it"
done

pinnedctl preload on >log.on || fail "$(cat log.on)"
make_both with
library=$(dpkg -L libmalloc-pinned | grep '/libmalloc-pinned\.so$')
for tool in initramfs-tools dracut; do
	more_in installed.$tool with.$tool | grep -vxF -e "${library#/}" -e "$(dirname "${library#/}")" >difference || true
	[ ! -s difference ] || fail "$tool, the library in its programs: $(cat difference)"
done

# Runs the hooks as dracut does, with a system that contains the file instead of the word on the
# kernel command line.
mkdir -p dracut/sysroot/etc dracut/proc dracut/run
mount -t proc proc dracut/proc
echo '/other.so' | cat /etc/ld.so.preload - >dracut/sysroot/etc/ld.so.preload
touch dracut/sysroot/etc/malloc-pinned.disabled
# shellcheck disable=SC2016 # for the inner shell
chroot dracut /bin/sh -c 'NEWROOT=/sysroot; for hook in /lib/dracut/hooks/pre-pivot/*malloc-pinned*; do . "$hook"; done; cat /sysroot/etc/ld.so.preload' >out 2>err ||
	fail "dracut: $(cat err)"
{ [ "$(cat out)" = /other.so ] && [ ! -s err ]; } || fail "dracut: not the other entry alone: $(cat out err)"
umount dracut/sysroot/etc/ld.so.preload dracut/proc

dpkg --purge "${names[@]}" >log.purge 2>&1 || fail "$(cat log.purge)"
make_both purged
for tool in initramfs-tools dracut; do expect_no_difference before.$tool purged.$tool "purging, by $tool"; done

#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects the system from a bad entry in /etc/ld.so.preload: pinnedctl preload adds the library
# only if programs behave the same with it, keeps everything else in the file, replaces the file
# atomically, and removes the library again if it turns out to be broken. A word on the kernel's
# command line, or a file, makes a system start again that no longer does (Faults B6).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need strace python3 "$cc"
# shellcheck source=test/preload/private_etc
. "$(dirname "$0")/private_etc"
ctl=$PINNED_BUILD/pinnedctl
file=/etc/ld.so.preload
mount -t tmpfs none /run
mount -t tmpfs none /mnt
chmod 755 /mnt

# Makes a library in a folder of its own; all these libraries have the same name.
library() {  # NAME [CONSTRUCTOR]
	mkdir -p "/mnt/$1"
	if [ -n "${2-}" ]; then
		printf '#include <stdio.h>\n#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { %s }\n' "$2" |
			"$cc" -shared -fPIC -x c -o "/mnt/$1/libmalloc-pinned.so" -
	else
		cp "$PINNED_BUILD/lib/libmalloc-pinned.so" "/mnt/$1/"
	fi
	path=/mnt/$1/libmalloc-pinned.so
}
library other 'return;'
mv "$path" /mnt/other/libother.so
library good
good=$path
library crashing 'abort();'
crashing=$path
library late 'if (!getenv("LD_PRELOAD")) abort();'
late=$path
library talking 'fputs("hello\n", stderr);'
talking=$path

on() { "$ctl" preload on --library "$1" >out 2>err; }
is_mapped() { grep -q " $1\$" /proc/self/maps; }
is_whole() {  # LINE...: the file has these and no other
	printf '%s\n' "$@" | diff - $file || fail "$file is not as it should be"
}

# The entry goes on and off next to an entry and comments of other packages, and the file keeps its
# mode.
[ "$("$ctl" preload status)" = off ] || fail 'not off'
"$ctl" preload test --library "$good" >out || fail 'the self-test fails'
[ "$(grep -cE '^(shell|init|dpkg) +the same$' out)" -eq 3 ] || fail "$(cat out)"
[ ! -e $file ] || fail 'the test left a file'
# Only one comment, because the dynamic linker (glibc 2.36, 2.41) takes words of a second one for
# libraries.
others=('/mnt/other/libother.so # not libmalloc-pinned.so' '')
printf '%s\n' "${others[@]}" >$file
chmod 640 $file
strace -f -o trace -e trace=openat,fsync,rename "$ctl" preload on --library "$good" >out 2>err || fail "$(cat out err)"
is_whole "${others[@]}" "$good"
[ "$(stat -c %a:%u:%g $file)" = 640:0:0 ] || fail "$(stat $file)"
is_mapped "$good" || fail 'not loaded'
is_mapped /mnt/other/libother.so || fail 'the other one is not loaded any more'
"$ctl" preload status >out
[ "$(cat out)" = "on"$'\n'"entry  $good" ] || fail "$(cat out)"
! grep -E "\"$file\", .*(O_WRONLY|O_RDWR)" trace || fail 'written in place'
[ "$(grep -cE 'rename\("/etc/\.ld\.so\.preload\.[^"]*", "/etc/ld\.so\.preload"\) = 0' trace)" -eq 1 ] || fail "$(grep rename trace)"
grep -B 1 -E 'rename\(' trace | grep -q 'fsync(.*) *= 0' || fail 'renamed before it was on the disk'
on "$good" || fail "twice: $(cat err)"
is_whole "${others[@]}" "$good"
"$ctl" preload off >out
is_whole "${others[@]}"
! is_mapped "$good" || fail 'still loaded'
"$ctl" preload off >out
is_whole "${others[@]}"

# An entry with another path is replaced, and an entry among others is removed.
printf '%s\n' "/mnt/other/libother.so:$good  # three" >$file
"$ctl" preload off >out
is_whole '/mnt/other/libother.so:  # three'
printf '%s' "/mnt/other/libother.so" >$file
on "$good" || fail "$(cat err)"
is_whole /mnt/other/libother.so "$good"
rm $file
on "$good" || fail "$(cat err)"
is_whole "$good"
"$ctl" preload off >out
[ ! -e $file ] || fail 'an empty file is left'

# refuses LIBRARY WHY: checks that the library is refused and that nothing has changed.
refuses() {
	printf '%s\n' "${others[@]}" >$file
	! on "$1" || fail "$1 was taken"
	grep -q "$2" err || fail "$1: $(cat err)"
	is_one_line err || fail "$1: not one line: $(cat err)"
	is_whole "${others[@]}"
	[ "$(find /etc -maxdepth 1 -name '.ld.so*')" = '' ] || fail 'something is left behind'
}
refuses "$crashing" 'self-test: .*is not loaded into a new process'
refuses "$talking" 'self-test: /bin/sh .*: message'
refuses "$late" "self-test: .*; removed from $file again"
! is_mapped "$late" || fail 'it is still there'
# A library for another architecture, and a truncated library.
library foreign
printf '\377' | dd of="$path" bs=1 seek=18 conv=notrunc status=none
refuses "$path" 'self-test: .*is not loaded into a new process'
truncate -s 5000 "$path"
refuses "$path" 'self-test: .*is not loaded into a new process'
refuses /mnt/none/libmalloc-pinned.so 'there is no library'
refuses /mnt/other/libother.so 'use a path'
chmod 777 /mnt/good
refuses "$good" 'can be changed by others than root'
chmod 755 /mnt/good
# A library that was good when it was added, and is no longer, is removed.
printf '%s\n' "${others[@]}" "$good" >$file
! on "$late" || fail "$late was taken"
is_whole "${others[@]}"

# A disk error, and a kill in the middle of the change.
strace -f -o trace -e inject=rename:error=EIO "$ctl" preload on --library "$good" >out 2>err && fail 'EIO was not seen'
grep -q 'Input/output error; it stays as it was' err || fail "$(cat err)"
is_whole "${others[@]}"
strace -f -o trace -e inject=rename:signal=KILL "$ctl" preload on --library "$good" >out 2>err && fail 'not killed'
for place in "$file" /etc/.ld.so.preload.*; do [ ! -s "$place" ] || grep -q libother "$place" || fail "$place: $(cat "$place")"; done
rm -f /etc/.ld.so.preload.*
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
if "${nobody[@]}" "$ctl" preload off 2>err; then fail 'anybody may'; fi

# A file that cannot be read is left alone, and one line says so.
chmod 600 $file
if "${nobody[@]}" "$ctl" preload status >out 2>err; then fail "$(cat out)"; fi
unread() {  # WHY
	grep -q "^pinnedctl: $file cannot be read: $1" err || fail "$(cat err)"
	is_one_line err || fail "not one line: $(cat err)"
}
unread 'Permission denied'
mv $file kept
mkdir $file
for action in status off "on --library $good"; do
	# shellcheck disable=SC2086 # words
	if "$ctl" preload $action >out 2>err; then fail "$action: $(cat out)"; fi
	unread 'Is a directory'
	[ -d $file ] || fail "$action: the folder has gone"
done
rmdir $file
mv kept $file

# If the system has a library folder for each architecture, the entry applies to all of them.
triplet=$(python3 -c 'import sys; print(getattr(sys.implementation, "_multiarch", ""))')
if [ -n "$triplet" ]; then
	library "lib/$triplet"
	rm -f $file
	on "$path" || fail "$(cat err)"
	# shellcheck disable=SC2016 # for the dynamic linker
	is_whole '/mnt/$LIB/libmalloc-pinned.so'
	is_mapped "$path" || fail 'not loaded'
	"$ctl" preload off >out
fi

# A system that no longer starts: no program of that system may run before the system is repaired.
root=$PWD/root
mkdir "$root" system
mount --rbind / "$root"
cp -a etc system/etc
mount --bind system/etc "$root/etc"
starts() { chroot "$root" /bin/sh -c 'exit 0' 2>/dev/null; }
boot() {  # WORDS of the kernel
	echo "$*" >cmdline
	mount --bind cmdline /proc/cmdline
	rootmnt=$root "$PINNED_SOURCE/src/tools/system/mask-preload"
	umount /proc/cmdline
}
mounts() { grep -c " $root$file " /proc/self/mountinfo || true; }
printf '%s\n' "${others[@]}" "$crashing" >"$root$file"
cp "$root$file" before
! starts || fail 'it should not start'
boot quiet xmalloc_pinned=off malloc_pinned=offx ro
[ "$(mounts)" -eq 0 ] || fail 'another word was taken for ours'
! starts || fail 'it starts by itself'
boot quiet malloc_pinned=off ro
starts || fail 'it does not start with malloc_pinned=off'
[ "$(cat "$root$file")" = "${others[0]}" ] || fail "$(cat "$root$file")"
cmp system/etc/ld.so.preload before || fail 'the disk was written'
umount "$root$file"
touch "$root/etc/malloc-pinned.disabled"
boot quiet ro
starts || fail 'it does not start with the file'

# In such a boot the entry cannot be added, but can be removed for good, for example when the
# package is removed.
umount "$root$file"
echo "$good" >"$root$file"
boot quiet ro
cp "$ctl" "$root/mnt/pinnedctl"
cp -r "$ctl.d" "$root/mnt/pinnedctl.d"
! chroot "$root" /mnt/pinnedctl preload on --library "$good" 2>err || fail 'on in a boot that has it off'
grep -q 'disabled in this boot' err || fail "$(cat err)"
chroot "$root" /mnt/pinnedctl preload status >out
grep -q '^disabled in this boot$' out || fail "$(cat out)"
chroot "$root" /mnt/pinnedctl preload off >out 2>err || fail "$(cat out err)"
[ ! -e system/etc/ld.so.preload ] || fail "it is still there: $(cat system/etc/ld.so.preload)"

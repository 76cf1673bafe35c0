#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects administrators: `pinnedctl check` finds faults of packages, /etc/ld.so.preload and the
# configuration file (a half-installed package, an entry without a library or with one of another
# architecture, files that programs cannot read or that other users may change, lines that make no
# sense) and says how to cure the fault. The test runs on an imitated system with one fault at a
# time (Faults B6).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need python3 dpkg-query setpriv
[ "$(id -u)" = 0 ] || skip 'only root owns the files of a system'
ctl=$PINNED_BUILD/pinnedctl
export PINNEDCTL_ROOT=$PWD/root
preload=root/etc/ld.so.preload conf=root/etc/malloc-pinned.conf
library=root/usr/lib/pinned-mem/libmalloc-pinned.so entry=/usr/lib/pinned-mem/libmalloc-pinned.so

# The command that starts pinnedctl; a test may replace it, for example by one that changes the
# user.
as=(env)
check() { "${as[@]}" "$ctl" check >out 2>err || [ $? = 1 ]; }
# finds KIND SUBJECT TEXT: checks that the output has such a line, and no other fault but that of
# the missing driver.
finds() {
	check
	grep -E "^$1 +$2 " out | grep -qF -- "$3" || fail "no \"$1 $2 ... $3\" in:" "$(cat out err)"
	[ "$1" = FAULT ] || ! grep '^FAULT' out | grep -v ' driver ' || fail "a fault beside $1 $2:" "$(cat out)"
	[ "$(grep '^FAULT' out | grep -cv ' driver ')" -le 1 ] || fail 'more than one fault:' "$(cat out)"
}
faults() { finds FAULT "$@"; }

sound() {
	rm -rf root
	mkdir -p root/etc root/proc root/var/lib/dpkg "$(dirname $library)"
	chmod 755 root root/usr root/usr/lib root/usr/lib/pinned-mem root/etc
	echo quiet >root/proc/cmdline
	: >root/var/lib/dpkg/status
	cp "$PINNED_BUILD/lib/libmalloc-pinned.so" $library
	chmod 644 $library
	echo $entry >$preload
	printf '[exe /bin/sh]\nmin = 4K\n' >$conf
	chmod 644 $preload $conf
}
package() {  # NAME STATE VERSION
	printf 'Package: %s\nStatus: %s\nMaintainer: x\nArchitecture: all\nVersion: %s\nDescription: x\n\n' "$@" >>root/var/lib/dpkg/status
}

sound
check
! grep '^FAULT' out | grep -v ' driver ' || fail 'faults in a sound system'
finds ok library "$PINNED_BUILD/lib/libmalloc-pinned.so"
finds ok preload "in every process: $entry"
finds ok configuration '/etc/malloc-pinned.conf: 1 sections, no errors'
! grep -q packages out || fail 'packages, where there are none:' "$(cat out)"

# Packages.
package libpinned1 'install ok installed' 1.0
package pinned-mem-tools 'install ok installed' 1.0
package other 'install ok half-configured' 3
package libpinned-dev 'deinstall ok config-files' 0.9
finds ok packages 'version 1.0'
package pinned-mem-dkms 'install ok installed' 1.1
faults packages 'of different versions: 1.0 1.1; apt install'
for state in unpacked half-configured half-installed; do
	sound
	package libpinned1 'install ok installed' 1.0
	package pinned-mem-dkms "install ok $state" 1.0
	faults packages 'half installed: pinned-mem-dkms:all; dpkg --configure -a'
done

# What /etc/ld.so.preload names.
sound
rm $library
faults preload "there is no $PWD/$library, and every program says so; pinnedctl preload off"
sound
chmod 600 $library
faults preload 'not every user may read'
sound
head -c 40 "$PINNED_BUILD/lib/libmalloc-pinned.so" >$library
faults preload 'is not a library, or is truncated; pinnedctl preload off'
: >$library
faults preload 'is not a library, or is truncated; pinnedctl preload off'
for byte in 4 5 18; do  # word size, byte order, machine
	sound
	old=$(od -An -tu1 -j $byte -N 1 $library)
	printf '%b' "\\$(printf %o $((old ^ 3)))" | dd of=$library bs=1 seek=$byte conv=notrunc status=none
	faults preload "is for another architecture; pinnedctl preload on"
done
sound
chmod 666 $library
faults preload 'can be changed by others than root'
sound
chmod 777 root/usr/lib
faults preload 'can be changed by others than root'
# A folder is a link that leads out of the imitated system: pinnedctl checks all folders up to the
# real root.
sound
mv root/usr elsewhere
ln -s "$PWD/elsewhere" root/usr
chmod 777 elsewhere
faults preload 'can be changed by others than root'
sound
chmod 600 $preload
faults preload 'only some users may read /etc/ld.so.preload; chmod 644 /etc/ld.so.preload'
as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
faults preload 'cannot be read: Permission denied, so the dynamic linker loads nothing from it; chmod 644'
as=(env)
sound
printf '%s\n' "/usr/lib/libother.so $entry" >$preload
finds note preload '/usr/lib/libother.so comes first'
printf '%s\n' $entry $entry >$preload
finds note preload 'contains 2 entries of the library'
sound
triplet=$(python3 -c 'import sys; print(getattr(sys.implementation, "_multiarch", ""))')
if [ -n "$triplet" ]; then
	mkdir -p "root/usr/lib/$triplet"
	mv root/usr/lib/pinned-mem "root/usr/lib/$triplet/"
	# shellcheck disable=SC2016 # for the dynamic linker
	echo '/usr/$LIB/pinned-mem/libmalloc-pinned.so' >$preload
	# shellcheck disable=SC2016
	finds ok preload 'in every process: /usr/$LIB/'
fi
sound
rm $preload
finds ok preload 'off: programs use pinned memory by pinned-run'
finds note configuration 'there are sections, but the library is in no process; pinnedctl preload on'

# Disabled at boot.
sound
echo 'quiet malloc_pinned=off' >root/proc/cmdline
finds note boot "malloc_pinned=off on the kernel's command line"
sound
: >root/etc/malloc-pinned.disabled
finds note boot '/etc/malloc-pinned.disabled exists'

# The configuration.
sound
printf '[exe /bin/sh]\nminn = 4K\n' >$conf
faults configuration '/etc/malloc-pinned.conf:2: '
printf '[exe /no/such/program]\nmin = 4K\n' >$conf
finds note configuration '/etc/malloc-pinned.conf:1: there is no program /no/such/program now'
rm $conf
finds ok configuration 'no /etc/malloc-pinned.conf'
mkdir $conf
faults configuration 'is not a file, and is not read'
sound
chmod 600 $conf
faults configuration 'not every user may read'
sound
chmod 664 $conf
faults configuration 'can be changed by others than root'
sound
chown 65534 $conf
faults configuration 'can be changed by others than root'

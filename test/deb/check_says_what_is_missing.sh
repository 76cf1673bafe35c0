#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: `pinnedctl check` on real packages recognizes a package that is half installed or
# missing, a kernel without headers, a driver whose build failed, and a driver that is only not
# loaded. For each it prints the command that repairs it, and the command works.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"
in_clean_system "${developer[@]}"

kernel=$(kernel_of_headers)
depmod "$kernel"
# Names the kernel that would run: the one whose headers are installed.
mkdir -p /tmp/root/proc/sys/kernel
echo "$kernel" >/tmp/root/proc/sys/kernel/osrelease
for folder in usr var lib etc; do ln -s /$folder /tmp/root/$folder; done
finds() {  # KIND SUBJECT TEXT
	PINNEDCTL_ROOT=/tmp/root pinnedctl check >said 2>&1 || [ $? = 1 ] || fail "check: $(cat said)"
	grep -E "^$1 +$2 " said | grep -qF -- "$3" || fail "no \"$1 $2 ... $3\" in: $(cat said)"
}

dpkg --unpack "$debs"/libpinned1_*.deb "$debs"/libmalloc-pinned_*.deb "$debs"/pinned-mem-tools_*.deb
finds FAULT packages 'half installed: libmalloc-pinned:'
dpkg --configure -a
finds ok packages 'version '
finds FAULT driver 'the driver is not installed; apt install pinned-mem-dkms'
finds ok library '/pinned-mem/libmalloc-pinned.so'

# First without headers, then with a failing build, then with a working one.
mv "/lib/modules/$kernel/build" /tmp/build
install_debs "$debs"/pinned-mem-dkms_*.deb
finds FAULT driver "its headers are missing; apt install linux-headers-$kernel"
mv /tmp/build "/lib/modules/$kernel/build"
finds FAULT driver "not built for kernel $kernel; dkms install pinned-mem/"
source=$(echo /usr/src/pinned-mem-*/src/kernel/main.c)
cp "$source" /tmp/main.c
echo '#error this is broken' >>"$source"
! dkms autoinstall -k "$kernel" || fail 'a broken source was built'
finds FAULT driver 'failed: "'
grep -q 'this is broken' said || fail "not the first error: $(cat said)"
cp /tmp/main.c "$source"
dkms autoinstall -k "$kernel"
finds FAULT driver 'not loaded; modprobe pinned_mem'

# The driver is not signed, since the tools to make a key were missing. The printed text says how to
# repair that, and the test does so.
[ -z "$(modinfo -k "$kernel" -F signer pinned_mem)" ] || fail 'it is signed'
apt-get -qy --no-install-recommends install openssl
signing=/tmp/root/sys/module/module/parameters/sig_enforce
mkdir -p "$(dirname $signing)"
echo Y >$signing
finds FAULT driver 'the module is not signed: '
cure=$(sed -n 's/.*the module is not signed: \(.*\) signs it;.*/\1/p' said)
bash -c "$cure" || fail "$cure"
[ -n "$(modinfo -k "$kernel" -F signer pinned_mem)" ] || fail "still not signed after: $cure"
! { finds FAULT driver 'not loaded' && grep -q 'is not signed' said; } || fail "it says that it is not signed: $(cat said)"
rm $signing
version=${source#*pinned-mem-}
dkms uninstall "pinned-mem/${version%%/*}" -k "$kernel"
finds FAULT driver "built, but not installed for kernel $kernel; dkms install"

# The preload file still names the library after its package was removed by force.
pinnedctl preload on >said 2>&1 || fail "preload on: $(cat said)"
finds ok preload 'in every process: '
rm "$(echo /usr/lib/*/pinned-mem/libmalloc-pinned.so)"
finds FAULT preload 'and every program says so; pinnedctl preload off'
pinnedctl preload off >said 2>&1 || fail "preload off: $(cat said)"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: an upgrade replaces the older version's driver, keeps changed settings, and can be purged
# without leaving a file. The same holds for an upgrade that left a package half configured and was
# then completed.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"
in_clean_system "${developer[@]}"

kernel=$(kernel_of_headers)
depmod "$kernel"
list_files >before
mapfile -t old < <(debs_in "$old_debs")
[ ${#old[@]} -eq ${#our_debs[@]} ] || fail "${#old[@]} old packages, ${#our_debs[@]} new ones"
install_debs "${old[@]}"
dkms status | grep -q "pinned-mem/0.0.1, $kernel, .*: installed" || fail "DKMS says: $(dkms status)"
echo 'RESERVE_CHUNKS=7' >>/etc/default/pinned-mem
systemctl disable pinned-mem-reserve.service

# Interrupts the upgrade: the packages are unpacked, but not configured.
dpkg --unpack "${our_debs[@]}"
apt-get -qy -f install
version=$(pkg-config --modversion pinned-mem)
[ "$version" != 0.0.1 ] || fail 'nothing was upgraded'
[ "$(dkms status | grep -c pinned-mem)" = 1 ] || fail "more than one version: $(dkms status)"
dkms status | grep -q "pinned-mem/$version, $kernel, .*: installed" || fail "DKMS says: $(dkms status)"
[ "$(modinfo -k "$kernel" -F version pinned_mem)" = "$version" ] || fail 'the old driver is still installed'
[ ! -e /usr/src/pinned-mem-0.0.1 ] || fail "the old driver's source is still there"
[ -f /usr/include/pinned-mem/pinned_mem_kernel.h ] || fail 'the header for drivers is a dangling link'
grep -qx 'RESERVE_CHUNKS=7' /etc/default/pinned-mem || fail 'changed settings were lost'
[ ! -e /etc/systemd/system/sysinit.target.wants/pinned-mem-reserve.service ] || fail 'a disabled service was enabled'

mapfile -t names < <(for deb in "${our_debs[@]}"; do dpkg-deb -f "$deb" Package; done)
apt-get -qy purge "${names[@]}"
list_files >after
expect_no_difference before after 'upgrading and purging'

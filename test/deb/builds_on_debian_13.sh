#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: the source package builds on Debian 13 too, where packages install nothing in /lib but
# everything below /usr. The service is enabled from there, and the packages can be installed and
# removed.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"
export PINNED_SUITE=trixie
in_clean_system "${developer[@]}" check systemtap-sdt-dev mandoc python3-myst-parser python3-sphinx

mkdir /tmp/built
dpkg-source -x "$debs"/pinned-mem_*.dsc /tmp/built/tree >log.source
(cd /tmp/built/tree && DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -us -uc -b) >log.build 2>&1 || fail "$(tail -n 40 log.build)"
mapfile -t built < <(debs_in /tmp/built)
[ ${#built[@]} -eq ${#our_debs[@]} ] || fail "other packages: ${built[*]}"
for deb in "${built[@]}"; do
	! dpkg-deb -c "$deb" | grep -E ' \./(bin|sbin|lib[^/]*)/' || fail "$deb has files in folders that are links"
done

install_debs "${built[@]}" >log.apt 2>&1 || fail "$(tail -n 40 log.apt)"
for unit in pinned-mem-reserve.service malloc-pinned-off.service; do
	[ -f "/usr/lib/systemd/system/$unit" ] || fail "no $unit"
	[ "$(find /etc/systemd/system /usr/lib/systemd/system -path "*sysinit.target.wants/$unit" | wc -l)" = 1 ] ||
		fail "$unit is not enabled once"
done
mapfile -t names < <(for deb in "${built[@]}"; do dpkg-deb -f "$deb" Package; done)
apt-get -qy purge "${names[@]}" >log.purge 2>&1 || fail "$(tail -n 40 log.purge)"
wait_for_dkms

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: apt installs the packages, and DKMS builds the driver for the kernel whose headers are
# installed, and keeps the files that other drivers are built with. Removing the packages keeps the
# settings; purging leaves no file.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"
in_clean_system "${developer[@]}"

kernel=$(kernel_of_headers)
# DKMS runs depmod too. Here only headers are installed, so the kernel's own files do not exist yet.
depmod "$kernel"
list_files >before
install_debs "${our_debs[@]}"
[ "$(dpkg-query -W -f '${db:Status-Abbrev}\n' '*pinned*' | sort -u)" = 'ii ' ] || fail "$(dpkg -l '*pinned*')"

# Checks the driver, and what is kept of its build.
dkms status -m pinned-mem | grep -q ", $kernel, .*: installed$" || fail "DKMS says: $(dkms status)"
module=$(modinfo -k "$kernel" -n pinned_mem)
[ "$(modinfo -F vermagic "$module" | cut -d' ' -f1)" = "$kernel" ] || fail "$module is for another kernel"
[ "$(modinfo -F version "$module")" = "$(pkg-config --modversion pinned-mem)" ] || fail "$module is of another version"
variable() { pkg-config --define-variable=kernelver="$kernel" --define-variable=arch="$(uname -m)" --variable="$1" pinned-mem; }
symbols=$(variable symvers)
grep -q "^0x[0-9a-f]*	pinned_mem_range_get	.*	$(variable symbol_namespace)\$" "$symbols" || fail "$symbols: $(cat "$symbols")"
[ -f "$(variable kernel_includedir)/pinned_mem_kernel.h" ] || fail "no header in $(variable kernel_includedir)"
[ -f "$(variable uapi_includedir)/pinned_mem.h" ] || fail "no header in $(variable uapi_includedir)"
[ -f "$(pkg-config --variable=preload libmalloc-pinned)" ] || fail 'libmalloc-pinned.pc names no library'

# Checks the group, the reserve's service, and a program.
getent group pinned >/dev/null || fail 'no group pinned'
unit=pinned-mem-reserve.service
[ -L /etc/systemd/system/sysinit.target.wants/$unit ] || fail "$unit is not enabled"
systemd-analyze verify $unit || fail "systemd does not like $unit"
RESERVE_CHUNKS='' /usr/libexec/pinned-mem/set-reserve || fail 'set-reserve without a setting'
pinned-run --backend anon --policy fail --report -- python3 -c 'print("hello" * 3)' >out 2>report || fail "pinned-run: $(cat report)"
[ "$(cat out)" = hellohellohello ] || fail "pinned-run: $(cat out)"
grep -qE '^pinned: report: .*backend=anon .*object_bytes=[1-9]' report || fail "$(cat report)"

mapfile -t names < <(for deb in "${our_debs[@]}"; do dpkg-deb -f "$deb" Package; done)
[ ${#names[@]} -ge 5 ] || fail "only ${names[*]}"
apt-get -qy remove "${names[@]}"
[ -f /etc/default/pinned-mem ] || fail 'removing took the settings away'
! dkms status | grep -q pinned-mem || fail "removed, but DKMS says: $(dkms status)"
[ ! -e "$module" ] || fail "removed, but there is $module"
dpkg --purge "${names[@]}" >log.purge 2>&1 || fail "$(cat log.purge)"
! grep 'dpkg: warning: while removing' log.purge || fail 'dpkg warns at the purge'
list_files >after
expect_no_difference before after 'installing and purging'
! dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' '*pinned*' 2>/dev/null | grep -v '^un' || fail 'dpkg still knows packages'

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: examples/vendor-dkms, as installed, is a complete package: it builds with pkg-config
# alone against the installed packages, DKMS builds its driver after pinned_mem, with matching
# checksums, and builds both in this order for a new kernel.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"
in_clean_system "${developer[@]}"

kernel=$(kernel_of_headers)
export V=1
install_debs "${our_debs[@]}"
mkdir /tmp/vendor
cp -r /usr/share/doc/libpinned-dev/examples/vendor-dkms /tmp/vendor/edu-pinned
cd /tmp/vendor/edu-pinned
[ "$(find /tmp/vendor -name '*.gz' | wc -l)" = 0 ] || fail 'a part of the example is compressed'
dpkg-buildpackage -us -uc -b
install_debs /tmp/vendor/edu-pinned-*.deb

dkms status -m edu-pinned | grep -q ", $kernel, .*: installed$" || fail "DKMS says: $(dkms status)"
module=$(modinfo -k "$kernel" -n edu_pinned)
[ "$(modinfo -F depends "$module")" = pinned_mem ] || fail "depends on: $(modinfo -F depends "$module")"
[ "$(modinfo -F import_ns "$module")" = PINNED_MEM ] || fail "imports: $(modinfo -F import_ns "$module")"
! grep -i 'undefined\|no symbol version\|warning' /var/lib/dkms/edu-pinned/1.0/"$kernel"/*/log/make.log ||
	fail 'the build has warnings'
checksum() { modprobe --dump-modversions "$1" | awk '$2 == "pinned_mem_range_get" { print $1 }'; }
expected=$(awk '$2 == "pinned_mem_range_get" { print $1 }' "/var/lib/dkms/pinned-mem/kernel-$kernel-$(uname -m)/Module.symvers")
[ "$(checksum "$module")" = "${expected:?no checksum}" ] || fail "checksum $(checksum "$module"), not $expected"
# modprobe loads pinned_mem, on which the driver depends, first.
modprobe -S "$kernel" --show-depends edu_pinned >order || fail "modprobe: $(cat order)"
[ "$(sed -n 's,.*/\(.*\)\.ko.*,\1,p' order | grep pinned)" = 'pinned_mem
edu_pinned' ] || fail "loaded in the order: $(cat order)"

# The vendor's program uses the library by its soname, and reports that there is no card.
ldd /usr/bin/edu-echo >needed
grep -q 'libpinned\.so\.1 => /' needed || fail "$(cat needed)"
if echo hello | edu-echo 2>said; then fail 'edu-echo found a card'; fi
grep -qx 'edu-echo: cannot open the card: No such file or directory' said || fail "$(cat said)"

# For a new kernel nothing is built yet, and DKMS is asked to build everything.
dkms unbuild edu-pinned/1.0 -k "$kernel" && dkms unbuild "pinned-mem/$(pkg-config --modversion pinned-mem)" -k "$kernel"
[ "$(dkms status | grep -c installed)" = 0 ] || fail "$(dkms status)"
dkms autoinstall -k "$kernel"
[ "$(dkms status | grep -c ": installed$")" = 2 ] || fail "after autoinstall: $(dkms status)"

# Without pinned_mem the Makefile reports what is missing.
dkms unbuild "pinned-mem/$(pkg-config --modversion pinned-mem)" -k "$kernel"
if make modules KERNELVER="$kernel" >said 2>&1; then fail 'built without pinned_mem'; fi
grep -q 'install pinned-mem-dkms' said || fail "$(cat said)"

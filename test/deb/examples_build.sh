#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: all examples that the installed documents name are installed, build unchanged with
# pkg-config's flags for the installed packages, and report what is missing if there is no device.
# (For vendor-dkms see vendor_package.)
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"
in_clean_system build-essential pkg-config libssl-dev libdpdk-dev libjemalloc-dev libmimalloc-dev libibverbs-dev

mapfile -t packages < <(debs_of libpinned1 libusdm-pinned1 libpinned-dev libmalloc-pinned pinned-mem-tools pinned-mem-doc)
install_debs "${packages[@]}"
cp -r /usr/share/doc/libpinned-dev/examples /tmp/examples
cd /tmp/examples
[ "$(find . -name '*.gz' -o -name demo | wc -l)" = 0 ] || fail 'a part is compressed, or of the tree alone'
# All but the demos' files.
cat /usr/share/doc/pinned-mem/{README.md,doc/*.md} | grep -oE 'examples/[a-z0-9_/.-]*[a-z0-9_-]' | grep -v /demo/ | sort -u >named
[ "$(wc -l <named)" -gt 5 ] || fail "only named: $(cat named)"
while read -r path; do
	[ -e "/tmp/$path" ] || fail "named, but not there: $path"
done <named

built=0
for makefile in */Makefile; do
	example=${makefile%/Makefile}
	[ "$example" != vendor-dkms ] || continue
	make -C "$example" O=/tmp/built/"$example" || fail "$example does not build"
	[ -n "$(find /tmp/built/"$example" -type f -perm /111)" ] || fail "$example: nothing was built"
	built=$((built + 1))
done
[ $built -ge 11 ] || fail "$built examples"

status=0
pinned-run --backend anon -- /tmp/built/io_uring/try /tmp/file || status=$?
# 77: the kernel does not allow io_uring here.
case $status in 0 | 77) ;; *) fail 'io_uring does not run on pinned memory' ;; esac
PINNED_CONF=backend:anon /tmp/built/jemalloc-extent-hooks/try || fail 'jemalloc does not run on pinned memory'
PINNED_CONF=backend:anon /tmp/built/mimalloc-arena/try || fail 'mimalloc does not run on pinned memory'
if PINNED_CONF=backend:anon /tmp/built/dpdk/pinned-dpdk >said 2>&1; then fail 'pinned-dpdk found a card'; fi
[ -s said ] || fail 'pinned-dpdk says nothing'

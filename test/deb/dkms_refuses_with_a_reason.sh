#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: DKMS refuses to build the driver for kernels that it does not support, or that lack a
# required option, prints the reason, and reports "not supported" (77) instead of a failed build. It
# accepts all supported kernels.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"
in_clean_system "${developer[@]}"

kernel=$(kernel_of_headers)
dpkg --unpack "$debs"/pinned-mem-dkms_*.deb
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' /usr/src/pinned-mem-*/dkms.conf)
dkms add "pinned-mem/$version"
headers=/tmp/headers
mkdir $headers
cp /lib/modules/"$kernel"/build/.config $headers/.config
echo 'all:' >$headers/Makefile

# KERNEL: returns the exit status of `dkms build` for that kernel, with the headers above. DKMS
# needs the folder of the kernel's modules.
try() {
	local status=0
	mkdir -p "/lib/modules/$1"
	dkms build "pinned-mem/$version" -k "$1" --kernelsourcedir $headers >said 2>&1 || status=$?
	return $status
}
refuses() {  # KERNEL REASON
	local status=0
	try "$1" || status=$?
	[ $status = 77 ] || fail "$1: ended with $status: $(cat said)"
	grep -qF "not built for kernel $1, which does not match: $2" said || fail "$1: no reason in: $(cat said)"
}

for old in 4.19.0-27-amd64 5.4.0-100-generic 5.9.16; do refuses $old '^(5'; done
# These versions are accepted: the build then fails because of the headers, with a status other than
# 77.
for new in 5.10.0-46-amd64 5.11.0-16-generic 5.15.0-100-generic 5.17.1 5.18.0 5.19.17-1 6.1.0-56-amd64 6.12.117+deb13-amd64 7.2.13+deb14-amd64 10.0; do
	status=0
	try $new || status=$?
	case $status in 0 | 77) fail "$new: ended with $status: $(cat said)" ;; esac
	! grep -q 'not built for kernel' said || fail "$new: $(cat said)"
done
sed -i '/^CONFIG_DMA_SHARED_BUFFER=/d' $headers/.config
refuses 6.1.0-56-amd64 'pinned_mem needs a kernel with CONFIG_DMA_SHARED_BUFFER'

# For a source without headers DKMS itself reports the reason.
status=0
mkdir -p /lib/modules/6.1.0-99-amd64
dkms build "pinned-mem/$version" -k 6.1.0-99-amd64 >said 2>&1 || status=$?
[ $status != 0 ] || fail 'built without headers'
grep -q headers said || fail "without headers: $(cat said)"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: DKMS builds the driver, and keeps what other drivers are built with, where the kernel's
# headers lie as Ubuntu's packages install them: the folder of one flavour contains the generated
# files and the programs, and relative links into a folder for all flavours for everything else.
# shellcheck source=test/deb/common
. "$(dirname "$0")/common"
in_clean_system "${developer[@]}"

# Arranges Debian's headers like this.
debian=$(kernel_of_headers)
own=$(readlink -f "/lib/modules/$debian/build")
all=$(echo /usr/src/linux-headers-*-common)
kernel=${debian%%-*}-99-generic
name=linux-headers-${kernel%-generic}
folder=/usr/src/linux-headers-$kernel
cp -rL "$all" "/usr/src/$name"
links() {  # FOLDER: links to all of its entries that are not there yet
	local entry
	mkdir -p "$folder/$1"
	for entry in "/usr/src/$name/$1"/*; do
		[ -e "$folder/$1/${entry##*/}" ] || ln -sr "$entry" "$folder/$1/"
	done
}
mkdir -p "$folder"/{include,arch/x86/include}
cp -r "$own"/{.config,Module.symvers} "$folder"
cp -r "$own"/include/{config,generated} "$folder/include"
cp -r "$own"/arch/x86/include/generated "$folder/arch/x86/include"
cp "$own"/arch/x86/module.lds "$folder/arch/x86"
cp -rL "$own"/{scripts,tools} "$folder"
echo "#define UTS_RELEASE \"$kernel\"" >"$folder/include/generated/utsrelease.h"
echo "$kernel" >"$folder/include/config/kernel.release"
for part in include arch/x86/include arch/x86 arch; do links "$part"; done
for entry in "/usr/src/$name"/*; do [ -e "$folder/${entry##*/}" ] || ln -sr "$entry" "$folder/"; done
mkdir -p "/lib/modules/$kernel"
ln -s "$folder" "/lib/modules/$kernel/build"
[ "$(readlink "$folder/Makefile")" = "../$name/Makefile" ] || fail "$(ls -l "$folder")"
# Debian's own folders are gone, so that nothing is built with them.
mv "$own" "$all" /tmp/

dpkg --unpack "$debs"/pinned-mem-dkms_*.deb
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' /usr/src/pinned-mem-*/dkms.conf)
dkms add "pinned-mem/$version"
dkms install "pinned-mem/$version" -k "$kernel" >said 2>&1 ||
	fail "$(cat said /var/lib/dkms/pinned-mem/*/build/make.log)"
module=$(find "/lib/modules/$kernel" -name 'pinned_mem.ko*')
[ "$(modinfo -F vermagic "$module" | cut -d' ' -f1)" = "$kernel" ] || fail "$module is for another kernel"
# The kernel's makefiles compare the compilers' names, which Debian's headers set by a file of their own.
! grep -i warning "/var/lib/dkms/pinned-mem/$version/$kernel"/*/log/make.log | grep -v 'the compiler differs from' ||
	fail 'the build has warnings'
grep -q pinned_mem_range_get "/var/lib/dkms/pinned-mem/kernel-$kernel-$(uname -m)/Module.symvers" ||
	fail 'no checksums for other drivers'

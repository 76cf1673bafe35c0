#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: the recipes in contrib/ fit the tree. The commands of Buildroot's recipe build and
# install it with the variables that Buildroot defines, and the recipes for Yocto name the licenses'
# current checksums. rpmbuild and bitbake are not needed.
set -eu
top=${PINNED_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() {
	echo "$*" >&2
	exit 1
}

count=0
while IFS=';' read -r file sum; do
	count=$((count + 1))
	[ "$(md5sum <"$top/${file#*file://}" | cut -d' ' -f1)" = "${sum%\"}" ] || fail "a recipe for Yocto has an old checksum of $file"
done < <(sed -n 's/^LIC_FILES_CHKSUM = "\(.*\);md5=/\1;/p' "$top"/contrib/yocto/*/*/*.bb)
[ $count = 2 ] || fail "$count recipes for Yocto"

# Does for the recipe what Buildroot's infrastructure does: copies the tree, and runs the commands.
mkdir "$tmp/tree" "$tmp/target" "$tmp/staging"
(cd "$top" && tar -cf- --exclude=./build --exclude=./.git .) | tar -xf- -C "$tmp/tree"
cat >"$tmp/Makefile" <<'END'
BR2_EXTERNAL_PINNED_MEM_PATH := $(tmp)/tree/contrib/buildroot
STAGING_DIR := $(tmp)/staging
TARGET_DIR := $(tmp)/target
TARGET_MAKE_ENV := PATH=$(PATH)
TARGET_CONFIGURE_OPTS := CC=gcc AR=ar LD=ld OBJCOPY=objcopy CFLAGS=-O0 CPPFLAGS=-D_LARGEFILE_SOURCE LDFLAGS=
include $(BR2_EXTERNAL_PINNED_MEM_PATH)/external.mk
.PHONY: $(tmp)/tree
$(tmp)/tree:
	$(PINNED_MEM_BUILD_CMDS)
	$(PINNED_MEM_INSTALL_STAGING_CMDS)
	$(PINNED_MEM_INSTALL_TARGET_CMDS)
	@echo 'version $(PINNED_MEM_VERSION) of $(PINNED_MEM_SITE), driver in $(PINNED_MEM_MODULE_SUBDIRS)'
END
# shellcheck disable=SC2016 # for make: $(@D) is the package's build folder in Buildroot.
sed -i 's,\$(@D),$(tmp)/tree,g' "$tmp/tree/contrib/buildroot/package/pinned-mem/pinned-mem.mk"
make -f "$tmp/Makefile" -s -j2 tmp="$tmp" "$tmp/tree" >"$tmp/log" 2>&1 || fail "Buildroot's recipe: $(tail -n 5 "$tmp/log")"
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$top/dkms.conf")
grep -qx "version $version of $tmp/tree, driver in src/kernel" "$tmp/log" || fail "Buildroot's recipe: $(tail -n 1 "$tmp/log")"
[ -f "$tmp/tree/src/kernel/Kbuild" ] || fail 'kbuild finds no driver'
for file in usr/lib/libpinned.so.1 usr/lib/pinned-mem/libmalloc-pinned.so usr/bin/pinned-run etc/default/pinned-mem; do
	[ -f "$tmp/target/$file" ] || fail "not installed: $file"
done
[ -f "$tmp/staging/usr/include/pinned.h" ] || fail 'no header for other packages'
[ ! -e "$tmp/target/usr/src/pinned-mem-$version" ] || fail 'the target has sources'

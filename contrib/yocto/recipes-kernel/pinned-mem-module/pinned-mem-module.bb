# SPDX-License-Identifier: MIT
SUMMARY = "Driver of pinned, physically contiguous memory"
LICENSE = "GPL-2.0-only"
LIC_FILES_CHKSUM = "file://LICENSES/GPL-2.0-only.txt;md5=b234ee4d69f5fce4486a80fdaf4a4263"
require recipes-core/pinned-mem/pinned-mem.inc
inherit module

KERNEL_MODULE_AUTOLOAD += "pinned_mem"
RPROVIDES:${PN} += "kernel-module-pinned-mem"

kernel_make() {
	unset CFLAGS CPPFLAGS CXXFLAGS LDFLAGS
	oe_runmake -C ${S} O=${B} KERNEL_SRC=${STAGING_KERNEL_DIR} KBUILD_OUTPUT=${STAGING_KERNEL_BUILDDIR} \
		CC="${KERNEL_CC}" LD="${KERNEL_LD}" AR="${KERNEL_AR}" OBJCOPY="${KERNEL_OBJCOPY}" STRIP="${KERNEL_STRIP}" "$@"
}

do_compile() {
	kernel_make modules
}

do_install() {
	kernel_make modules_install DEPMOD=echo MODLIB="${D}${nonarch_base_libdir}/modules/${KERNEL_VERSION}"
}

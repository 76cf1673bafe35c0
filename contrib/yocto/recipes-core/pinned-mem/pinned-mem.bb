# SPDX-License-Identifier: MIT
SUMMARY = "Memory that devices reach by physical address: libraries and tools"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://LICENSES/MIT.txt;md5=39fcf9a85fd7296be58da6d5c9a3e3c8"
require pinned-mem.inc

# The allocator replaces glibc's malloc; src/tools/can-build refuses other C libraries.
COMPATIBLE_HOST:libc-musl = "null"
EXTRA_OEMAKE = "O=${B} V=1 PREFIX=${prefix} LIBDIR=${libdir} SYSCONFDIR=${sysconfdir} UNITDIR=${systemd_system_unitdir} 'CC=${CC}' AR=${AR} OBJCOPY=${OBJCOPY}"

do_compile() {
	oe_runmake -C ${S}
}

do_install() {
	oe_runmake -C ${S} install DESTDIR=${D}
	install -D -m 644 ${S}/src/tools/system/malloc-pinned.conf ${D}${sysconfdir}/malloc-pinned.conf
	# pinned-mem-module builds the driver, whose source is not needed here; initramfs-tools is Debian's.
	rm -rf ${D}${prefix}/src ${D}${includedir}/pinned-mem ${D}${datadir}/initramfs-tools
}

PACKAGES =+ "${PN}-preload ${PN}-tools"
FILES:${PN}-preload = "${libdir}/pinned-mem ${sysconfdir}/malloc-pinned.conf ${bindir}/pinned-run"
FILES:${PN}-tools = "${bindir}/pinnedctl ${libexecdir}/pinned-mem ${datadir}/pinned-mem ${datadir}/bash-completion \
    ${systemd_system_unitdir} ${nonarch_libdir}/dracut"
FILES:${PN} += "${nonarch_libdir}/modules-load.d ${nonarch_libdir}/sysusers.d ${nonarch_base_libdir}/udev ${nonarch_libdir}/udev"
RDEPENDS:${PN}-tools = "python3-core python3-json"

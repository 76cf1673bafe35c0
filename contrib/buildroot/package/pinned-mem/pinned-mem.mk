# SPDX-License-Identifier: MIT
# Builds the tree that contains this file: libraries and tools by its Makefile, the driver by kbuild.
PINNED_MEM_SITE = $(realpath $(BR2_EXTERNAL_PINNED_MEM_PATH)/../..)
PINNED_MEM_SITE_METHOD = local
PINNED_MEM_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = --exclude /build
PINNED_MEM_VERSION = $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' $(PINNED_MEM_SITE)/dkms.conf)
PINNED_MEM_LICENSE = MIT (libraries, tools), GPL-2.0 (driver), GPL-2.0 with Linux-syscall-note (ioctl header)
PINNED_MEM_LICENSE_FILES = LICENSES/MIT.txt LICENSES/GPL-2.0-only.txt LICENSES/Linux-syscall-note.txt
PINNED_MEM_INSTALL_STAGING = YES
PINNED_MEM_MODULE_SUBDIRS = src/kernel
PINNED_MEM_MAKE = $(TARGET_MAKE_ENV) $(MAKE) $(TARGET_CONFIGURE_OPTS) -C $(@D) PREFIX=/usr LIBDIR=/usr/lib SYSCONFDIR=/etc \
	UNITDIR=/usr/lib/systemd/system

define PINNED_MEM_BUILD_CMDS
	$(PINNED_MEM_MAKE)
endef

define PINNED_MEM_INSTALL_STAGING_CMDS
	$(PINNED_MEM_MAKE) install DESTDIR=$(STAGING_DIR)
endef

define PINNED_MEM_INSTALL_TARGET_CMDS
	$(PINNED_MEM_MAKE) install DESTDIR=$(TARGET_DIR)
	rm -rf $(TARGET_DIR)/usr/src/pinned-mem-* $(TARGET_DIR)/usr/share/initramfs-tools
endef

$(eval $(kernel-module))
$(eval $(generic-package))

# SPDX-License-Identifier: MIT
# An external tree for Buildroot: make BR2_EXTERNAL=.../contrib/buildroot menuconfig
include $(sort $(wildcard $(BR2_EXTERNAL_PINNED_MEM_PATH)/package/*/*.mk))

#!/bin/bash
# SPDX-License-Identifier: MIT
# A dracut module that runs mask-preload after the root file system is mounted, before any process
# of the system exists.
# shellcheck disable=SC2154 # of dracut

check() { return 0; }

install() {
	inst_multiple chmod mount
	inst_script "$moddir/mask-preload" /usr/libexec/pinned-mem/mask-preload
	inst_hook pre-pivot 50 "$moddir/malloc-pinned.sh"
}

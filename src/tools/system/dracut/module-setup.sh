#!/bin/bash
# SPDX-License-Identifier: MIT
# A module of dracut's: mask-preload runs when the root file system is mounted, before there is any process of the system.
# shellcheck disable=SC2154 # of dracut

check() { return 0; }

install() {
	inst_multiple chmod mount
	inst_script "$moddir/mask-preload" /usr/libexec/pinned-mem/mask-preload
	inst_hook pre-pivot 50 "$moddir/malloc-pinned.sh"
}

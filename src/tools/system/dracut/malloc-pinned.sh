#!/bin/sh
# SPDX-License-Identifier: MIT
# Sourced by dracut in the initial RAM disk, where `exit` would end more than this.
rootmnt=$NEWROOT /usr/libexec/pinned-mem/mask-preload

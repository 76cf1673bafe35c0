#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects callers of C library functions that allocate for them: they may free and resize
# that memory as they do without the shim (Faults B17).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same libc_memory "$programs/libc_memory"

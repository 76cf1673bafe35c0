#!/bin/bash
# SPDX-License-Identifier: MIT
# Memory that the C library allocates for its callers is theirs to free, as
# without the shim (Faults B17).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same libc_memory "$programs/libc_memory"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that call madvise(MADV_DONTNEED) on memory from malloc: pinned memory reads as
# zeros afterwards, like anonymous memory, and wrong advice fails with the same errors (Faults C22).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same - "$programs/gives_advice"

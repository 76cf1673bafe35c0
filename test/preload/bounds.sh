#!/bin/bash
# SPDX-License-Identifier: MIT
# The shim keeps within bounds: of mappings, of memory after it is freed, of what
# a small program costs (Faults B20, B30).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same bounds "$programs/bounds"
same - /bin/true
same sort sort --version
[ "$(report pinned.err sort chunks_peak)" -le 1 ] || fail "a small program has $(cat pinned.err)"

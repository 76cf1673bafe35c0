#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects the system from the shim's own cost: it uses few mappings, gives freed memory
# back, and a small program costs little (Faults B20, B29, B30).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same gigabyte_of_objects "$programs/gigabyte_of_objects"
same - "$programs/mappings_used_up" # where some is not to be had, and so is libc's
[ "$(report pinned.err mappings_used_up chunks_peak)" -gt 0 ] || fail "$(cat pinned.err)"
# A process that does nothing holds no chunk; it costs address space only.
same - /bin/true
[ "$(report pinned.err true chunks_peak)" -eq 0 ] || fail "true has $(cat pinned.err)"
grep -q 'program=true ' pinned.err || fail "$(cat pinned.err)"
same sort sort --version
[ "$(report pinned.err sort chunks_peak)" -le 1 ] || fail "a small program has $(cat pinned.err)"

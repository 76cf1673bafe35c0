#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects objects of the C library that lie between pinned ones: the library chooses addresses
# without reserving them, so the kernel may place a mapped object of libc there. The shim recognises
# such an object and never overwrites it (Faults E1).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

"${pinned[@]}" -- "$programs/libc_object_between" >out 2>err || fail "exit status $?: $(cat err)"
[ "$(without_report err)" = '' ] || fail "$(cat err)"

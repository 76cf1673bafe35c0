#!/bin/bash
# SPDX-License-Identifier: MIT
# The addresses of pinned memory are chosen and not reserved, so an object of the C library may lie
# between them. It is told apart, and never written over (Faults E1).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

"${pinned[@]}" -- "$programs/foreign_object" >out 2>err || fail "exit status $?: $(cat err)"
[ "$(without_report err)" = '' ] || fail "$(cat err)"

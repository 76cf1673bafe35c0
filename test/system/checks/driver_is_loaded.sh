#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: after apt install and a boot the driver is loaded, by DKMS, modules-load and udev alone,
# and the group pinned may use it.
. "$(dirname "$0")/../guest-common"
grep -q '^pinned_mem ' /proc/modules || fail "not loaded: $(dkms status)"
[ "$(stat -c %a:%U:%G /dev/pinned_mem)" = 660:root:pinned ] || fail "$(stat /dev/pinned_mem)"
as_user pinned-run --report --policy fail -- python3 -c 'print("hello")' >out 2>err || fail "$(cat err)"
[ "$(cat out)" = hello ] || fail "$(cat out)"
grep -q 'backend=device' err || fail "$(cat err)"

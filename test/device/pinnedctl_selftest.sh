#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: `pinnedctl selftest` runs all of its tests with the real driver, for a member of the
# group pinned as well as for root; it tells why a test is skipped, changes no setting, and leaves
# no memory in use; a test that fails makes it fail. `make check-programs` runs this in a guest.
# shellcheck source=test/preload/common
. "$(dirname "$0")/../preload/common"
ctl=$PINNED_BUILD/pinnedctl
parameters=/sys/module/pinned_mem/parameters
chgrp 4242 /dev/pinned_mem
chmod 660 /dev/pinned_mem
export TMPDIR=$PWD
chmod 777 .

used=/sys/class/misc/pinned_mem/used_chunks
settings() { grep -r . $parameters /sys/class/misc/pinned_mem/reserve_chunks 2>/dev/null || true; }
is_given_back() { [ "$(cat $used)" -le "$used_before" ]; }
lines() { grep -cE "^$1 +[a-z0-9_]+$2" out || true; }
settings >before
used_before=$(cat $used)
mapfile -t tests < <(ls "$PINNED_BUILD/pinnedctl.d/selftest/tests")
count=${#tests[@]}

# All tests run as root. Direct transfers need a file system that this guest may not have.
"$ctl" selftest >out 2>err || fail "as root: exit status $?: $(cat out err)"
grep -qE '^machine +Linux [0-9]' out || fail "$(cat out)"
grep -qE '^driver +[0-9.]+, interface 1, features 0x[0-9a-f]+; chunks: ' out || fail "$(cat out)"
[ "$(lines ok '$')" -ge $((count - 1)) ] || fail "as root: $(cat out)"
[ $(($(lines ok '$') + $(lines skipped ': no direct transfers'))) = "$count" ] || fail "as root: $(cat out)"
grep -qE '^figure +pinned_v2p\(\) +[0-9]+\.[0-9] ns$' out || fail "$(cat out)"
grep -qE '^figure +copy 1024K +[0-9]+\.[0-9] ns$' out || fail "$(cat out)"

# The kernel shows page tables only to root; a member of the group can test the rest. If tests are
# named, nothing is measured.
member=(setpriv --reuid 65534 --regid 65534 --groups 4242)
"${member[@]}" "$ctl" selftest --json "${tests[@]}" >out.json 2>err || fail "as a member: exit status $?: $(cat out.json err)"
python3 - out.json "$count" <<'END'
import json, sys
with open(sys.argv[1], encoding="ascii") as file:
    told = json.load(file)
assert told["machine"]["kernel"] and told["machine"]["page_bytes"] >= 4096, told
results = {test["name"]: test for test in told["tests"]}
assert len(results) == int(sys.argv[2]), results
hidden = ("fork_never_translates_the_parents_memory", "phys_matches_pagemap", "pin_by_vmsplice", "v2p_agrees_with_pagemap")
for name, test in results.items():
    if name in hidden:
        assert (test["result"], test["reason"]) == ("skipped", "the kernel shows page tables only to root"), test
    elif name != "pin_by_direct_io":
        assert test["result"] == "ok", test
assert told["figures"] == {}, told
END

# The driver may free memory a moment after a process has ended.
wait_until is_given_back
settings >after
diff before after >difference || fail "something has changed: $(cat difference)"

# Without permission, and with a test that fails.
if setpriv --reuid 65534 --regid 65534 --clear-groups "$ctl" selftest >out 2>err; then fail 'a stranger may test'; fi
grep -q '^pinnedctl: /dev/pinned_mem does not answer: Permission denied$' err || fail "$(cat out err)"
status=0
echo 1 >$parameters/limit_chunks
"$ctl" selftest heap_limits_refuse >out 2>err || status=$?
sed -n 's,.*/limit_chunks:,,p' before >$parameters/limit_chunks
[ $status = 1 ] || fail "with a limit that is too low: exit status $status"
grep -qE '^failed +heap_limits_refuse: .' out || fail "$(cat out err)"
grep -q '^pinnedctl: failed tests: 1$' err || fail "$(cat out err)"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: CRIU can save and restore a process that passes through (Faults B21). It cannot save a
# process on pinned memory; such programs can be left out of the configuration.
. "$(dirname "$0")/../guest-common"
mkdir images
criu check >out 2>&1 || fail "criu does not work here: $(tail -n 3 out)"
# shellcheck disable=SC2016 # for the inner shell
setsid sh -c 'i=0; while :; do i=$((i + 1)); echo $i >count; sleep 0.2; done' </dev/null >/dev/null 2>&1 &
pid=$!
wait_until test -s count
has_library $pid || fail 'the process does not have the library'
criu dump -t $pid -D images >out 2>&1 || fail "dump: $(tail -n 5 out images/* 2>/dev/null)"
wait $pid || true
before=$(cat count)
criu restore -d -D images >out 2>&1 || fail "restore: $(tail -n 5 out)"
goes_on() { [ "$(cat count)" -gt "$before" ]; }
wait_until goes_on
kill $pid

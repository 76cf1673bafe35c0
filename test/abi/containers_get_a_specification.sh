#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: `pinnedctl cdi` prints a CDI specification with the device, its group, the library and
# the variables that preload it, as JSON; without a driver it prints one line and fails. A container
# gets the configuration file only without MALLOC_PINNED_CONF, with which no program reads the file.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${PINNED_BUILD:-$top/build}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() {
	echo "$*" >&2
	exit 1
}

export PINNEDCTL_ROOT=$tmp
status=0
"$build/pinnedctl" cdi >"$tmp/out" 2>"$tmp/err" || status=$?
[ $status = 1 ] || fail "without a driver it ends with $status"
{ [ ! -s "$tmp/out" ] && [ "$(wc -l <"$tmp/err")" = 1 ]; } || fail "without a driver: $(cat "$tmp/out" "$tmp/err")"

mkdir "$tmp/dev"
touch "$tmp/dev/pinned_mem"
[ "$(id -u)" != 0 ] || chgrp 42 "$tmp/dev/pinned_mem"
names() { "$build/pinnedctl" cdi --json | python3 -c 'import json, sys; print(*(d["name"] for d in json.load(sys.stdin)["devices"]))'; }
[ "$(names)" = 'device preload' ] || fail "without a configuration file: $(names)"
mkdir "$tmp/etc"
touch "$tmp/etc/malloc-pinned.conf"
"$build/pinnedctl" cdi >"$tmp/spec.json"
"$build/pinnedctl" cdi --json >"$tmp/line.json"
python3 - "$tmp" "$build/lib/libmalloc-pinned.so" <<'END'
import json, os, sys
folder, library = sys.argv[1:]
spec = json.load(open(f"{folder}/spec.json"))
assert spec == json.load(open(f"{folder}/line.json"))
assert set(spec) == {"cdiVersion", "kind", "devices"} and spec["kind"] == "pinned-mem/memory", spec
edits = {device["name"]: device["containerEdits"] for device in spec["devices"]}
group = os.stat(f"{folder}/dev/pinned_mem").st_gid
assert list(edits) == ["device", "preload", "configured"], edits
for name in edits:
    assert edits[name]["deviceNodes"] == [{"path": "/dev/pinned_mem", "permissions": "rw", "gid": group}], edits
assert set(edits["device"]) == {"deviceNodes"}, edits
paths = {name: [mount["containerPath"] for mount in edits[name]["mounts"]] for name in ("preload", "configured")}
assert paths == {"preload": [library], "configured": [library, "/etc/malloc-pinned.conf"]}, paths
assert edits["preload"]["env"] == [f"LD_PRELOAD={library}", "MALLOC_PINNED_CONF=backend:auto"], edits
assert edits["configured"]["env"] == [f"LD_PRELOAD={library}"], edits
END

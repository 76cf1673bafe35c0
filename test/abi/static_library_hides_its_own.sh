#!/bin/sh
# SPDX-License-Identifier: MIT
# Promise: the static library shows the functions of the version script, and no other symbols, to
# programs that link to it; the shared library exports the same functions with their versions.
set -eu

top=${PINNED_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${PINNED_BUILD:-$top/build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

awk '/^PINNED_[0-9.]* *\{/ { inside = 1 } /local:/ { inside = 0 } inside' "$top/src/lib/libpinned.map" |
	grep -oE '\bpinned_[a-z0-9_]+' | sort -u >"$tmp/promised"
nm -g --defined-only "$build/lib/libpinned.a" | awk 'NF == 3 { print $3 }' | sort -u >"$tmp/static"
nm -D --defined-only "$build/lib/libpinned.so.1" | awk '$2 != "A" { print $3 }' | sort -u >"$tmp/shared"

failures=0
differ() {  # LIST WHAT
	if ! diff "$tmp/promised" "$1" >"$tmp/difference"; then
		echo "$2 does not define what src/lib/libpinned.map promises:" >&2
		cat "$tmp/difference" >&2
		failures=$((failures + 1))
	fi
}
differ "$tmp/static" libpinned.a
grep -v '@@PINNED_[0-9.]*$' "$tmp/shared" >"$tmp/unversioned" || true
if [ -s "$tmp/unversioned" ]; then
	echo "libpinned.so.1 defines without a version: $(cat "$tmp/unversioned")" >&2
	failures=$((failures + 1))
fi
sed 's/@@.*//' "$tmp/shared" >"$tmp/shared_names"
differ "$tmp/shared_names" libpinned.so.1

echo "$(wc -l <"$tmp/promised") functions, $failures failures"
[ "$failures" -eq 0 ] && [ -s "$tmp/promised" ]

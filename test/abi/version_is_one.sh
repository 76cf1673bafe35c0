#!/bin/sh
# SPDX-License-Identifier: MIT
# Promise: every place that states the version states the same one, namely that of dkms.conf.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)

failures=0
expect() {  # FILE VERSION
	if [ "$2" != "$version" ]; then
		echo "$1: version is \"$2\", dkms.conf has \"$version\"" >&2
		failures=$((failures + 1))
	fi
}

version=$(sed -n 's/^PACKAGE_VERSION="\([0-9][0-9.]*\)"$/\1/p' "$top/dkms.conf")
if [ -z "$version" ]; then
	echo "dkms.conf: no PACKAGE_VERSION found" >&2
	exit 1
fi

# The first heading: "[1.2.3] - date".
expect CHANGELOG "$(sed -n 's/^[# ]*\[\([0-9][^]]*\)\].*/\1/p' "$top/CHANGELOG" | head -n 1)"
# Only the part "upstream" of "package (epoch:upstream-revision) suite; ..." counts.
expect debian/changelog "$(sed -n '1s/^[^ ]* (\([^)]*\)).*/\1/p' "$top/debian/changelog" |
	sed -e 's/^[0-9]*://' -e 's/-[^-]*$//')"

# The version of the header, as a text and as a number.
expect 'include/pinned.h (PINNED_VERSION_TEXT)' "$(sed -n 's/^#define PINNED_VERSION_TEXT "\(.*\)"$/\1/p' "$top/include/pinned.h")"
expect 'include/pinned.h (PINNED_VERSION)' "$(sed -n 's/^#define PINNED_VERSION PINNED_VERSION_OF(\([0-9]*\), \([0-9]*\), \([0-9]*\))$/\1.\2.\3/p' "$top/include/pinned.h")"

[ "$failures" -eq 0 ]

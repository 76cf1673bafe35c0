#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: each statistic is defined once, in src/lib/figures/table.h, and is documented:
# pinned_dump(3) names every statistic, pinned_stats(3) every public one, and the help text of each
# fits into a line of pinnedctl. Each name of a memory type is defined once, in
# src/lib/config/memory_type.h, and occurs in every text that lists the types.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
table=${TEST_TABLE:-$top/src/lib/figures/table.h}
failures=0 figures=0
fail() { echo "$*" && failures=$((failures + 1)); }
plain() { sed 's/\\-/-/g; s/\\f.//g; s/^\.[A-Z]* //' "$1"; }
says() { plain "$top/$2" | grep -qE -- "(^|[^a-z_-])$1([^a-z_-]|$)" || fail "$table: $1 is not in $2"; }

# Prints name, access and help of each entry, as the compiler reads the table.
entries() {
	${CC:-cc} -E -P -I"$top/src/lib" -I"$top/include" -include "$table" -x c - <<'END' | grep -oE '\bFIGURE [a-z_]+ [a-z]+ "[^"]*"' | tr -d '"' | cut -d' ' -f2-
#define HEAP(name, source, unit, kind, access, help) FIGURE name access help
#define PROCESS(name, source, watch, unit, kind, access, help) FIGURE name access help
PN_FIGURES_OF_STATS(HEAP) PN_FIGURES_COUNTED(HEAP) PN_FIGURES_OF_SETTINGS(HEAP) PN_FIGURES_OF_PROCESS(PROCESS)
END
}

while read -r name access help; do
	figures=$((figures + 1))
	says "$name" man/man3/pinned_dump.3
	[ ${#help} -le 42 ] || fail "$table: the help of $name is longer than 42 characters"
	case $help in *.) fail "$table: the help of $name ends in a full stop" ;; esac
	case $access in
	public)
		says "$name" man/man3/pinned_stats.3
		grep -qE "^	uint64_t $name;$" "$top/include/pinned.h" || fail "$table: $name is public, but no member of struct pinned_stats"
		;;
	esac
done < <(entries)
[ "$figures" = "$(grep -oE '\bX\([a-z_]+,' "$table" | wc -l)" ] || fail "$table: not every entry is understood"
[ "$figures" -ge 20 ] || fail "$table: only $figures figures found"

# A member of the structure that is missing from the table would never be set.
while read -r member; do
	entries | grep -q "^$member public " || fail "include/pinned.h: $member is not public in $table"
done < <(sed -n '/^struct pinned_stats {/,/^}/s/^	uint64_t \(.*\);/\1/p' "$top/include/pinned.h")

types=0
while read -r type; do
	types=$((types + 1))
	for text in src/tools/pinned-run man/man1/pinned-run.1 man/man7/pinned.7 man/man3/pinned_dump.3 doc/vendors.md; do
		says "$type" "$text"
	done
done < <(sed -n 's/.*X("\([a-z-]*\)",.*/\1/p' "$top/src/lib/config/memory_type.h")
[ $types = 4 ] || fail "$types memory types found"

echo "$figures figures, $types memory types, $failures failures"
[ $failures = 0 ]

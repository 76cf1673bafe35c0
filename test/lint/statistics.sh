#!/bin/bash
# SPDX-License-Identifier: MIT
# Checks that every statistic that a program can read is documented: each member of struct
# pinned_stats in pinned_stats(3), and each row of src/lib/figures/table.h in pinned_dump(3). Prints
# FILE:LINE: and the rule.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0 count=0

documented() {  # FILE LINE NAME PAGE
	count=$((count + 1))
	# The copy of the structure in the page does not count.
	sed '/^\.EX/,/^\.EE/d; s/\\-/-/g' "$4" | grep -qw -- "$3" && return
	echo "$1:$2: statistic: $3 is not documented in $4"
	bad=1
}

while IFS=: read -r line name; do
	documented include/pinned.h "$line" "$name" man/man3/pinned_stats.3
done < <(awk '/^struct pinned_stats \{/ { inside = 1 } inside && /^}/ { exit }
	inside && /^\tuint64_t / { sub(/;.*/, ""); print FNR ":" $2 }' include/pinned.h)
[ $count -ge 10 ] || { echo "include/pinned.h:1: statistic: only $count members of struct pinned_stats found"; bad=1; }

table=src/lib/figures/table.h
if [ -e $table ]; then
	while IFS=: read -r line name; do
		documented $table "$line" "$name" man/man3/pinned_dump.3
	done < <(grep -noE '^[[:space:]]*X\([a-z_]+' $table | sed 's/[[:space:]]*X(//')
	[ $count -ge 30 ] || { echo "$table:1: statistic: only $count figures found"; bad=1; }
fi
exit $bad

#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects the direction of dependencies: a file includes only headers below it, and the layers of
# the tree do not reach into each other.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0

complain() {
	echo "layers: $*"
	bad=1
}

# The rooms of src/lib from the top down: a file may include headers of its own room and of those below it.
lib='api figures front object chunk backend profile arena config os'
# The files of src/kernel from the top down; those of one line may include each other.
kernel='main
dev debugfs sysfs
ioctl
export kapi
range map
pool view snapshot
copy
chunk
quarantine
record
sources
source_reserve source_buddy source_cma source_carveout reserve carveout
source memtype
page
quota stat trace
base compat'

level_of() {  # TABLE NAME
	awk -v name="$2" '{ for (i = 1; i <= NF; i++) if ($i == name) print NR }' <<<"$1"
}

check_folder() {  # FOLDER TABLE EXCUSED
	local folder=$1 table=$2 excused=$3 file name included from to
	for file in "$folder"/*.[ch]; do
		name=$(basename "$file")
		name=${name%.*}
		from=$(level_of "$table" "$name")
		while read -r included; do
			to=$(level_of "$table" "${included%.h}")
			if [ -z "$to" ] || [ -z "$from" ]; then continue; fi
			grep -qw "$name:$included" <<<"$excused" && continue
			[ "$from" -le "$to" ] || complain "$file includes $included, which is above it"
		done < <(sed -n 's/^#include "\([a-z0-9_]*\.h\)".*/\1/p' "$file")
	done
}

check_rooms() {
	local file room included from to
	for file in src/lib/*/*.[ch]; do
		room=${file#src/lib/} room=${room%%/*}
		from=$(level_of "${lib// /$'\n'}" "$room")
		[ -n "$from" ] || complain "$file: $room is no room of the library"
		while read -r included; do
			to=$(level_of "${lib// /$'\n'}" "${included%%/*}")
			if [ -z "$to" ] || [ "$from" -gt "$to" ]; then complain "$file includes $included, which is not below it"; fi
		done < <(sed -n 's/^#include "\([a-z0-9_]*\/[a-z0-9_]*\.h\)".*/\1/p' "$file")
	done
}

# view and pool are one object's two sides.
check_rooms
check_folder src/kernel "$kernel" 'view:pool.h'

grep -lE '#include "(api|figures|front|object|chunk|backend|profile|arena|config|os)/' examples -r && complain "examples use installed headers only"
grep -nE '#include ".*(kernel|shim)/' src/lib/*/*.[ch] && complain "src/lib reaches into another layer"
grep -nE '#include "(pinned)\.h"' src/kernel/*.[ch] && complain "src/kernel includes the library's header"
exit $bad

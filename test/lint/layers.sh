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

# lib and kernel from the top down; a file may include its own header and those of lines below its own.
lib='api api_heap api_retain chunks dma sync export stats dump layout profile_dump
census
alloc range
runtime
tcache heaps
harden
large
retain
medium object
slab
pages
slots
empty
devices
heap
class
profile
stacks callers
v2p
backend backend_device backend_hugetlb backend_anon
slotlist
arena
vfio pagemap fdguard meta conffile reserve
config
die json
random
sys
lock watch probe confined
base'
kernel='main
dev debugfs sysfs
ioctl
export kapi
range map
pool view snapshot
chunk quarantine source source_reserve source_buddy source_cma source_carveout reserve carveout memtype
quota stat trace
compat'

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

# Parts of the arena: they read pn_arena. A heap's end is its slots' end; slabs and medium objects know
# by which bin they are cached. view and pool are one object's two sides;
# everybody in the kernel calls sources by the chunk's order.
check_folder src/lib "$lib" 'reserve:arena.h heap:empty.h slab:tcache.h medium:tcache.h'
check_folder src/kernel "$kernel" 'view:pool.h source_buddy:chunk.h quota:chunk.h'

grep -lE '#include "(tcache|slab|arena|alloc|large|runtime)\.h"' examples -r && complain "examples use installed headers only"
grep -nE '#include ".*(kernel|shim)/' src/lib/*.[ch] && complain "src/lib reaches into another layer"
grep -nE '#include "(pinned)\.h"' src/kernel/*.[ch] && complain "src/kernel includes the library's header"
exit $bad

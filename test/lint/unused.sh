#!/bin/bash
# SPDX-License-Identifier: MIT
# Dead code: what src/kernel or src/lib shows to other files must be named in one of them, or by an inline
# function of a header, or be a promise (libpinned.map, pinned_mem_kernel.h). The compiler sees to what is
# static.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0

complain() {
	echo "unused: $*"
	bad=1
}

definitions() {  # FILE...: FILE NAME, of what is not static
	ctags-universal -x --language-force=C --kinds-C=fv --extras=-F --fields=+f --_xformat='%F %N %f' "$@" |
		awk '$3 != "file" { print $1, $2 }'
}

is_used() {  # FILE NAME: in another file, or in headers more than once, which is where it is declared
	grep -lw "$2" src/{lib/*,shim,kernel,tools}/*.c | grep -qvx "$1" || [ "$(grep -ow "$2" src/{lib/*,kernel}/*.h | wc -l)" -gt 1 ]
}

check() {  # PROMISES FILE...: the first names what the others may show without a use
	local promises=$1 file name count=0
	shift
	while read -r file name; do
		count=$((count + 1))
		grep -qw "$name" "$promises" || is_used "$file" "$name" ||
			complain "$file: no other file names $name; make it static, or take it away"
	done < <(definitions "$@")
	[ $count -gt 40 ] || complain "only $count definitions found in $1 and its like"
}

check src/lib/libpinned.map src/lib/*/*.c
check include/pinned_mem_kernel.h src/kernel/*.c
exit $bad

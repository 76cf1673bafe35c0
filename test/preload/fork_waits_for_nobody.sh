#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects the speed of fork(): while another thread allocates 400 MiB, fork() takes at most twice
# as long as with glibc's malloc. Runs with the one and with the other alternate, and the best of
# each counts, since the machine may be busy.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

best() {  # TIME OLD
	if [ "$1" -lt "$2" ]; then echo "$1"; else echo "$2"; fi
}

plain=999999999 with=999999999
for _ in 1 2 3 4 5; do
	plain=$(best "$("$programs/fork_time")" "$plain")
	with=$(best "$("${pinned[@]}" "$programs/fork_time" 2>report)" "$with")
	used_pinned report fork_time
	[ "$with" -le $((2 * plain)) ] && break
done
echo "fork takes $plain microseconds with glibc's malloc, $with on pinned memory"
[ "$with" -le $((2 * plain)) ] || fail "fork takes $with microseconds, and $plain with glibc's malloc"

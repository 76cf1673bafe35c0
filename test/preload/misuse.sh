#!/bin/bash
# SPDX-License-Identifier: MIT
# Each misuse that can be detected ends the program by abort, with one line that
# names the call and the pointer (Faults B34).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
ulimit -c 0

# misused NAME MESSAGE...: the program prints the pointer and then misuses it, and
# gets one of the messages.
misused() {
	local status=0 message
	"${pinned[@]}" "$programs/$1" >out 2>err || status=$?
	[ "$status" -eq 134 ] || fail "$1: exit status $status, expected that of SIGABRT: $(cat err)"
	[ -s out ] || fail "$1: did not get as far as its misuse"
	for message in "${@:2}"; do
		if echo "pinned: $message $(cat out)" | cmp -s - err; then
			return
		fi
	done
	fail "$1: pointer $(cat out), message: $(cat err)"
}

{
	misused double_free_cached 'free(): double free of'
	misused double_free_small 'free(): double free of'
	# What is known of single objects goes with their slab.
	misused double_free_empty_slab 'free(): double free of' 'free(): invalid pointer'
	misused double_free_large 'free(): double free of'
	misused double_free_medium_given_back 'free(): double free of'
	misused double_free_other_thread 'free(): double free of'
	misused free_interior_small 'free(): invalid pointer'
	misused free_interior_large 'free(): invalid pointer'
	misused free_never_allocated 'free(): invalid pointer'
	misused free_sized_wrong 'free_sized(): wrong size or alignment for'
	misused free_sized_freed 'free_sized(): double free of'
	misused free_aligned_sized_wrong 'free_aligned_sized(): wrong size or alignment for'
	misused realloc_freed 'realloc(): freed pointer'
} 2>&1 # bash tells here what each was killed by

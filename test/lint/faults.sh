#!/bin/bash
# SPDX-License-Identifier: MIT
# Each fault that drivers (A) and interposers of malloc (B) have had, and that ours is tested against, is named by
# a test in its first comment, as (Faults A1, A8-A16, B12). The list is below; `faults.sh --list` says which tests
# name which.
set -u
cd "$(dirname "$0")/../.." || exit 1

faults='A1  memory freed at close, still mapped
A2  memory freed by request, still mapped or pinned
A3  fork copies a mapping without a reference
A4  split or moved mappings forgotten
A5  high-order pages mapped one by one, counted wrongly
A6  a mapping whose flags do not agree with its pages
A7  pages whose count never drops
A8  offset and length of mmap unchecked
A9  physical addresses taken from user space
A10 read-only made writable, or private, or executable
A11 mremap grows past the object
A12 the same object freed twice in a race
A13 free against mmap against fault
A14 one owner frees what is another one'\''s
A15 a descriptor in other hands
A16 memory not zeroed
A17 two owners share a page
A18 the driver unloaded with memory in use
A19 another version of driver or library than the running one
A20 fork moves the pages of who forks
A21 get_user_pages on the memory
A22 core dumps
A23 madvise, mlock
A24 userfaultfd, remap_file_pages, migration, swap, NUMA balancing
A25 compaction, offlining of memory
A26 suspend, hibernation
A27 memory that nobody is charged for
A28 RLIMIT_MEMLOCK ignored
A29 sizes that make the page allocator warn
A30 fragmentation
A31 long uninterruptible calls
A32 an answer that cannot be written leaks what it names
A33 padding in structures, 32-bit programs
A34 structures of another size
A35 overflow in ranges
A36 physical addresses told to everybody
A37 addresses of what is not ours
A38 two cache attributes for one page
A39 the module is missing
A40 ptrace, vfork
A41 exec leaks
A42 killed in the middle
A43 the last reference goes elsewhere: socket queues, io_uring
A44 storms of inter-processor interrupts
A45 a request that fails half-way
A46 attributes not restored
A47 huge entries in mappings that are mixed
A48 a device writes after its owner has died
A49 a new kernel builds, and behaves differently
B1  initialisation calls itself by dlsym, or by what others interpose
B2  static TLS runs out
B3  the environment of a privileged program
B4  the device appears later than the program
B5  the initial RAM disk, packages that go while they are in use
B6  a system that does not start any more
B7  chroot, containers, lost privileges: no device node
B8  a filter of system calls kills
B9  no memory that is writable and executable, no new privileges
B10 a daemon closes all descriptors, and uses their numbers
B11 a descriptor that children or tests see
B12 fork of a process with threads, or from a signal handler
B13 memory that parent and child share
B14 vfork, posix_spawn
B15 exec
B16 programs with a malloc of their own
B17 what the C library allocates for its caller
B18 static programs, other C libraries
B19 little address space
B20 a process that does nothing has chunks
B21 checkpoints of running processes
B22 debuggers, tracers, sanitizers
B23 programs of another architecture
B24 an upgrade under running processes
B25 dlopen, dlclose, RTLD_DEEPBIND, dlmopen
B26 functions of the family that are missing, usable sizes that are untrue
B27 signals, cancellation
B28 the end of threads and of the process
B29 free that changes errno, or fails when mappings are used up
B30 too many mappings
B31 profiles that deny the device, and logs of what was denied
B32 a pointer freed by whom it did not come from
B33 the device runs out midway
B34 objects freed twice, or that never were objects
B35 a physical address that is not true any more
B36 objects freed by other threads, thousands of threads
B37 sizes and alignments at the edges
B38 memory that is not pinned, and nobody says so'

# TEST FAULT, a line for each that a test's first comment names.
named() {
	local file
	git ls-files 'test/*.c' 'test/*.sh' ':!test/lint' | while read -r file; do
		sed -n '2,16p' "$file" | awk '/^[^\/ #]/ { exit } { print } /\*\/$/ { exit }' | tr -c 'A-Z0-9a-z-' '\n' |
			grep -E '^[AB][0-9]+(-[AB]?[0-9]+)?$' | while IFS=- read -r first last; do
			last=${last:-$first}
			for ((i = ${first#?}; i <= ${last#[AB]}; i++)); do echo "$file ${first:0:1}$i"; done
		done
	done
}

bad=0
names=$(named)
# shellcheck disable=SC2086 # words
while read -r fault what; do
	tests=$(awk -v fault="$fault" '$2 == fault { print $1 }' <<<"$names")
	if [ "${1:-}" = --list ]; then
		echo "$fault $what"
		printf '    %s\n' $tests
	fi
	[ -n "$tests" ] || { echo "faults: no test names $fault: $what"; bad=1; }
done <<<"$faults"
while read -r file fault; do
	grep -q "^$fault " <<<"$faults" || { echo "faults: $file names $fault, which is not in the list"; bad=1; }
done <<<"$names"
exit $bad
